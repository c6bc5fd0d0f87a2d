/** Text from anywhere made fit for one line: no line ends, no control characters, nothing that turns its direction. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim()
}

/** At most `lengthMax` characters, and a mark where something is missing. Never half of a surrogate pair. */
export function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text
  return `${text.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, '')}…`
}
