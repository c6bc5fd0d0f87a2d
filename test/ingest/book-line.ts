import fc from 'fast-check'
import { expect } from 'vitest'
import { bookRig, deltaOf, RULES, snapshotOf } from './book-rig.ts'

/**
 * A made venue that numbers every update of its book and a line that drops, repeats, reorders, rewinds and merges what it
 * sends; snapshots come from behind or ahead of the line. What is published must be the venue's book at that number, always.
 */

const does = fc.constantFrom(
  'pass',
  'pass',
  'pass',
  'pass',
  'idle',
  'drop',
  'twice',
  'swap',
  'rewind',
  'merge',
  'cut',
  'none',
)
const update = fc.tuple(fc.constantFrom('a', 'b'), fc.nat(8), fc.nat(3))
const frame = fc.record({
  updates: fc.array(update, { minLength: 1, maxLength: 3 }),
  does,
  /** How far an answer that leaves now is behind what has been sent; below zero: ahead of it. */
  behind: fc.integer({ min: -3, max: 6 }),
  /** Frames that an answer takes. */
  late: fc.nat(4),
})
type Frame = { updates: ['a' | 'b', number, number][]; does: string; behind: number; late: number }

export const LINES = ['byRange', 'byLink', 'byLinkBoth'] as const

/** Plays `runs` lines of up to 60 frames, whatever they do: no book is published that the venue did not have. */
export async function expectTrueLines(kind: (typeof LINES)[number], runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 5, maxLength: 60 }), async (frames) => {
      const play = new Play(kind, frames as Frame[])
      await play.all()
      expect(play.wrong).toEqual([])
      expect(play.rig.book.isInStep).toBe(true)
      const lost = play.rig.words.filter((word) => word.startsWith('lost'))
      if (!play.isDisturbed) expect(lost).toEqual([])
      const { published, conflated, old, outOfStep } = play.rig.counts
      expect(published + conflated + old + outOfStep).toBe(play.events)
    }),
    { numRuns: runs },
  )
}

/** Number of the venue's book before its first update. */
const FIRST = 10
/** Half a second a frame: answers come within a few of them, and what is asked for in vain soon again. */
const FRAME_MS = 500

/** Frames within which an answer has come and the stream has reached it. */
const SILENCES_APART = 12

class Play {
  readonly rig
  readonly wrong: string[] = []
  events = 0
  isDisturbed = false
  readonly #kind: (typeof LINES)[number]
  readonly #frames: readonly Frame[]
  /** The venue's book at each number. */
  readonly #books: { bids: Map<number, number>; asks: Map<number, number> }[] = []
  /** What each frame says: the numbers of its updates, and its rows. */
  readonly #sent: { first: number; last: number; rows: string[] }[] = []
  readonly #answers: { atFrame: number; deliver: () => void }[] = []
  #words = 0
  #silentAt = Number.NEGATIVE_INFINITY
  #published = 0

  constructor(kind: (typeof LINES)[number], frames: readonly Frame[]) {
    this.#kind = kind
    this.#frames = [...frames, ...Array.from({ length: CALM_FRAMES }, () => CALM)]
    this.rig = bookRig({ rules: RULES[kind], levelsMax: 5 })
    this.#books[FIRST] = { bids: new Map([[90, 1]]), asks: new Map([[110, 1]]) }
    for (const { updates } of this.#frames) this.#make(updates)
  }

  async all(): Promise<void> {
    this.#live(FIRST)
    for (let at = 0; at < this.#frames.length; at++) {
      await this.rig.timers.advanceBy(FRAME_MS)
      this.#look(at)
      this.#line(at)
      this.#look(at)
      for (const answer of this.#answers.filter(({ atFrame }) => atFrame === at)) answer.deliver()
      this.#look(at)
    }
  }

  #live(number: number): void {
    this.rig.happen('live')
    if (this.#kind !== 'byRange') this.#snapshot(number)
  }

  /** One frame after the other: updates near the best prices, which never meet. */
  #make(updates: Frame['updates']): void {
    const first = this.#books.length
    const rows = updates.map(([side, off, size]) => {
      const before = this.#books.at(-1)!
      const book = { bids: new Map(before.bids), asks: new Map(before.asks) }
      const price = side === 'b' ? 99 - off : 101 + off
      const levels = side === 'b' ? book.bids : book.asks
      if (size === 0) levels.delete(price)
      else levels.set(price, size)
      this.#books.push(book)
      return `${side}${price}=${size}`
    })
    this.#sent.push({ first, last: this.#books.length - 1, rows })
  }

  #line(at: number): void {
    const what = this.#frames[at]!.does
    const isSwapped = this.#frames[at - 1]?.does === 'swap'
    if (what === 'drop' || what === 'swap' || what === 'cut') this.isDisturbed = true
    // Linked numbers know only the very last as old.
    if (this.#kind !== 'byRange' && (what === 'merge' || what === 'rewind')) this.isDisturbed = true
    if (what === 'cut') {
      this.rig.happen(`cut ${this.rig.timers.nowMs() / 1_000}`)
      this.#live(this.#sent[at]!.last)
      return
    }
    if (what === 'idle') this.#beSilent(at)
    if (what === 'rewind') for (let back = Math.max(0, at - 3); back < at; back++) this.#change(back)
    if (what === 'merge' && at > 0) this.#change(at - 1, at)
    else if (what !== 'drop' && what !== 'swap') this.#change(at)
    if (what === 'twice') this.#change(at)
    if (isSwapped) this.#change(at - 1)
  }

  /** A second silence soon after the first is a loss for who cannot ask in between. */
  #beSilent(at: number): void {
    if (at - this.#silentAt <= SILENCES_APART) this.isDisturbed = true
    this.#silentAt = at
    this.rig.happen('idle')
  }

  #change(from: number, to = from): void {
    const [one, other] = [this.#sent[from]!, this.#sent[to]!]
    const rows = from === to ? one.rows : [...one.rows, ...other.rows]
    const { event, levels } = deltaOf([`${one.first}-${other.last}`, ...rows])
    this.events++
    this.rig.book.change(event, levels, this.rig.timers.nowMs())
  }

  #snapshot(number: number, asking?: number): void {
    const { bids, asks } = this.#books[number]!
    const rows = [...rowsOf('b', bids), ...rowsOf('a', asks)]
    const { event, levels } = snapshotOf([String(number), ...rows])
    this.events++
    this.rig.book.snapshot(event, levels, this.rig.timers.nowMs(), asking)
  }

  /** What it has said since: books are held against the venue's, and what it asks for is answered some frames later. */
  #look(at: number): void {
    for (const { sequence, bids, asks } of this.rig.published.slice(this.#published)) {
      const book = this.#books[sequence!]!
      const told = `${sequence}: ${bids} ${asks}`
      if (told !== `${sequence}: ${topOf(book.bids, -1)} ${topOf(book.asks, 1)}`) this.wrong.push(told)
    }
    this.#published = this.rig.published.length
    const next = Math.min(at + 1, this.#frames.length - 1)
    for (const word of this.rig.words.slice(this.#words)) {
      if (word === 'asks') this.#answer(at)
      if (word !== 'resubscribes') continue
      this.#answers.push({ atFrame: next, deliver: () => this.#snapshot(this.#sent[next]!.last) })
    }
    this.#words = this.rig.words.length
  }

  #answer(at: number): void {
    const { behind, late, does: what } = this.#frames[at]!
    const { asked } = this.rig
    const atFrame = Math.min(at + 1 + late, this.#frames.length - 1)
    const number = Math.min(this.#books.length - 1, Math.max(FIRST, this.#sent[atFrame]!.last - behind))
    const deliver = () => (what === 'none' ? this.rig.book.missing(asked!) : this.#snapshot(number, asked))
    this.#answers.push({ atFrame, deliver })
  }
}

/** Time enough at the end to be in step again: of the longest pause between two askings, and an answer. */
const CALM_FRAMES = 60
const CALM: Frame = {
  updates: [
    ['b', 0, 1],
    ['a', 0, 1],
  ],
  does: 'pass',
  behind: 0,
  late: 1,
}

/** The best five as a book carries them. */
function topOf(levels: ReadonlyMap<number, number>, sign: 1 | -1): string {
  const best = [...levels].sort(([a], [b]) => sign * (a - b)).slice(0, 5)
  return JSON.stringify(best.map(([price, size]) => [String(price), String(size), null]))
}

function* rowsOf(side: 'a' | 'b', levels: ReadonlyMap<number, number>): Iterable<string> {
  for (const [price, size] of levels) yield `${side}${price}=${size}`
}
