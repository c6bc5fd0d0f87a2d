/** Whole numbers from `fromId` to `toId`, both of them in it. */
export type IdRange = { readonly fromId: number; readonly toId: number }

/** Ranges in rising order, and what is left of them without the numbers of another. */
export function without(ranges: readonly IdRange[], gone: IdRange): IdRange[] {
  return ranges.flatMap((range) => {
    if (!overlaps(range, gone)) return [range]
    const before = { fromId: range.fromId, toId: gone.fromId - 1 }
    const after = { fromId: gone.toId + 1, toId: range.toId }
    return [before, after].filter(({ fromId, toId }) => fromId <= toId)
  })
}

/** Whether any number of `range` is in one of the ranges. */
export function overlapsAny(ranges: readonly IdRange[], range: IdRange): boolean {
  return ranges.some((one) => overlaps(one, range))
}

export function countOf(ranges: readonly IdRange[]): number {
  return ranges.reduce((count, { fromId, toId }) => count + toId - fromId + 1, 0)
}

function overlaps(a: IdRange, b: IdRange): boolean {
  return a.fromId <= b.toId && b.fromId <= a.toId
}
