/** Texts that a venue might send and that some medium takes for more than text. */
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
