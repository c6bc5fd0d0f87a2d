import bigList from 'big-list-of-naughty-strings/blns.json' with { type: 'json' }

/** Texts that a venue might send and that some medium takes for more than text: those we thought of ourselves. */
export const NAUGHTY: readonly string[] = [
  '',
  ' ',
  'a\r\nBcc: everybody@example.org',
  'a\nb\tc\u0000d\u001b[31me\u007f',
  '\u2028\u2029\u0085',
  '\u202egnp.exe',
  '<!channel> <@U012AB3CD> <https://example.org|click>',
  '<script>alert(1)</script> & "quotes" \'too\'',
  '``` *bold* _it_ ~no~ `code` ```',
  '.\r\n.\r\nQUIT',
  '=1+1 %0d%0a {{7*7}} #{7*7}',
  '\ud83d\ude00 \ud800 \udc00 é 中文 עִבְרִית',
  '__proto__',
  'x'.repeat(100_000),
]

/** And those that others have met: https://github.com/minimaxir/big-list-of-naughty-strings */
export const BIG_LIST: readonly string[] = bigList

/** Both, each under its name, for tests that go through a list at a time. */
export const NAUGHTY_LISTS: readonly (readonly [string, readonly string[]])[] = [
  ['our own list', NAUGHTY],
  ['the big list of naughty strings', BIG_LIST],
]

/** The text as UTF-8 can hold it: half a surrogate pair cannot be written. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}
