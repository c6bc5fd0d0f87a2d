import type { Levels } from '../levels.ts'
import { type BookDelta, type BookRules, type BookSnapshot, type Following, NO_NUMBER } from '../venue.ts'
import type { Applied } from './standing-book.ts'

/** Rows that may wait for a snapshot: half a minute of the busiest product there is. */
export const WAITING_ROWS_MAX = 200_000

/** Changes that wait for the snapshot they follow: a chain without gaps, with rows of their own. */
export class WaitingChanges {
  #changes: Applied<BookDelta>[] = []
  #rows = 0

  get last(): number {
    return this.#changes.at(-1)?.event.last ?? NO_NUMBER
  }

  get length(): number {
    return this.#changes.length
  }

  /** Answers false where there was no room: all but this one have been forgotten, and a snapshot from before it will not fit. */
  add(delta: BookDelta, levels: Levels): boolean {
    const rows = delta.to - delta.from
    const hasRoom = this.#rows + rows <= WAITING_ROWS_MAX
    if (!hasRoom) this.clear()
    this.#rows += rows
    const own = levels.copy(delta.from, delta.to)
    this.#changes.push({ event: { ...delta, from: 0, to: rows }, levels: own })
    return hasRoom
  }

  clear(): void {
    this.#changes = []
    this.#rows = 0
  }

  /**
   * What a snapshot that was asked for leaves to be applied, in order; undefined where changes are missing between the two.
   */
  after(snapshot: BookSnapshot, rules: BookRules): readonly Applied<BookDelta>[] | undefined {
    const first = this.#changes.findIndex(({ event }) => bridging(rules, snapshot.last, event) !== 'old')
    if (first === -1) return []
    const fits = bridging(rules, snapshot.last, this.#changes[first]!.event) === 'next'
    return fits ? this.#changes.slice(first) : undefined
  }
}

/** What a change is to a snapshot that was asked for, as long as nothing was applied to it. */
export function bridging(rules: BookRules, last: number, delta: BookDelta): Following {
  return (rules.bridges ?? rules.follows)(last, delta)
}
