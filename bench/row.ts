/** One claim about speed: `value` in `unit`, measured beside `reference`; it holds while `ratio` keeps to `bound`. */
export type BenchRow = {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What stands beside it in the same run, with its own figure. */
  readonly reference: string
  readonly ratio: number
  /** `>= 0.75`, `<= 0.15`, or null for a figure that is only told. */
  readonly bound: string | null
  readonly holds: boolean | null
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function holds(ratio: number, bound: string): boolean {
  const [comparison, limit] = bound.split(' ') as ['>=' | '<=', string]
  return comparison === '>=' ? ratio >= Number(limit) : ratio <= Number(limit)
}

/** Runs the contenders in turn, A B C A B C ..., and gives each one's median seconds: a drifting machine hits all alike. */
export async function interleaved<Name extends string>(
  contenders: Record<Name, () => number | Promise<number>>,
  rounds: number,
): Promise<Record<Name, number>> {
  const seconds = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(contenders) as Name[]) seconds[name].push(await contenders[name]())
  }
  return Object.fromEntries(
    Object.entries<number[]>(seconds).map(([name, all]) => [name, median(all)]),
  ) as Record<Name, number>
}
