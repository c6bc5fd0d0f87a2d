/** How settings are written for people: what is wrong with them, what they are, and the sample file. No values are read here. */

/** One line of the report about a wrong environment. `expected` may be empty where there is nothing to expect. */
export type Problem = {
  readonly name: string
  readonly got: string
  readonly expected: string
  readonly more: string
}

/**
 * All that is wrong, in columns:
 *
 *     Configuration has 2 problems (exit 78):
 *       POLL_MS   got "5"            expected 100..3600000    default 5000
 *       POL_MS    unknown variable   did you mean POLL_MS?
 */
export function problemsText(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  const rows = problems.map(({ name, got, expected, more }) => [name, got, expected, more])
  return [`Configuration has ${count} (exit 78):`, ...aligned(rows).map((line) => `  ${line}`)].join('\n')
}

/** Lines of cells, each column as wide as its widest cell and three spaces from the next. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('   ')
      .trimEnd(),
  )
}

/** A value as it stands in a message: quoted, on one line, no longer than a line, and without a password before a host. */
export function quoted(text: string): string {
  const shown = text.replace(/\/\/[^/\s]*@/, '//(hidden)@')
  return JSON.stringify(shown.length > 60 ? `${shown.slice(0, 57)}...` : shown)
}

/** What somebody who wrote `name` most likely meant, or undefined where nothing is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toUpperCase().replace(/^TIDEBOOK_?/, '')
  const near = known
    .filter((candidate) => candidate[0] === wanted[0])
    .map((candidate) => ({ candidate, edits: editDistance(wanted, candidate) }))
    .sort((a, b) => a.edits - b.edits)[0]
  return near !== undefined && near.edits <= TYPOS_MAX ? near.candidate : undefined
}

/** Two slips of the finger; a third makes it another word. */
const TYPOS_MAX = 2

/** Letters to insert, remove, replace or swap with their neighbour to get from `a` to `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
