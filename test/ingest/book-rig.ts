import { LiveBook } from '../../src/ingest/books/live-book.ts'
import type { BookCounts } from '../../src/ingest/books/standing-book.ts'
import { Levels } from '../../src/ingest/levels.ts'
import {
  type BookChecksum,
  type BookDelta,
  type BookRules,
  type BookSnapshot,
  NO_NUMBER,
} from '../../src/ingest/venue.ts'
import type { HoleReason } from '../../src/models/feed-records.ts'
import type { BookNews } from '../../src/models/product-book.ts'
import { virtualTimers } from '../../src/models/virtual-timers.ts'

/** Small rules of every kind there is; how they are named on the wire matters to nobody here. */
export const RULES = {
  /** Numbers are ranges without gaps; a snapshot is asked for. */
  byRange: rulesOf({
    snapshot: ON_REQUEST(),
    follows: (last, { first, last: u }) => (u <= last ? 'old' : first > last + 1 ? 'gap' : 'next'),
  }),
  /** Each change names the one before it; a snapshot comes by itself. */
  byLink: rulesOf({
    inBand: true,
    follows: (last, { previous, last: id }) => (previous === last ? 'next' : id <= last ? 'old' : 'gap'),
  }),
  /** The same, and snapshots can be asked for as well. */
  byLinkBoth: rulesOf({
    inBand: true,
    snapshot: ON_REQUEST(),
    follows: (last, { previous, last: id }) => (previous === last ? 'next' : id <= last ? 'old' : 'gap'),
    bridges: (last, { previous, last: id }) => (id <= last ? 'old' : previous <= last ? 'next' : 'gap'),
  }),
  /** No numbers at all; a whole snapshot comes by itself. */
  bare: rulesOf({ continuity: 'unproven', inBand: true, follows: () => 'next' }),
} satisfies Record<string, BookRules>

function rulesOf(rules: Partial<BookRules> & Pick<BookRules, 'follows'>): BookRules {
  return { continuity: 'proven', inBand: false, tickerChecks: false, ...rules }
}

/** How it is asked for is the rig's affair: it answers as the test says. */
function ON_REQUEST(): NonNullable<BookRules['snapshot']> {
  const never = () => {
    throw new Error('the rig answers itself')
  }
  return { request: never, parse: never }
}

export type BookRigAbout = {
  readonly rules?: BookRules
  readonly levelsMax?: number
  /** Publishes what has moved at once, or else only when it must or the test says so. */
  readonly isEager?: boolean
  /** Requests leave when the test says so, not at once. */
  readonly isQueued?: boolean
}

/** One book on a made clock, and everything it says, in words. */
export function bookRig({
  rules = RULES.byRange,
  levelsMax = 5,
  isEager = true,
  isQueued = false,
}: BookRigAbout = {}) {
  const words: string[] = []
  const published: BookNews[] = []
  const timers = virtualTimers(0)
  const counts: BookCounts = { published: 0, conflated: 0, old: 0, outOfStep: 0 }
  let asked: number | undefined
  let unsent: number | undefined
  const publish = () => {
    const news = book.take()
    if (news === undefined) return
    published.push(news)
    const [bid, ask] = [news.bids, news.asks].map((side) => (JSON.parse(side) as [string][])[0]?.[0])
    const updates = news.since === null ? '' : ` of ${news.since.updates}`
    words.push(`book ${bid}/${ask}${updates}`)
  }
  const book: LiveBook = new LiveBook({
    rules,
    levelsMax,
    timers,
    random: () => 0,
    counts,
    request(asking) {
      words.push('asks')
      asked = asking
      unsent = asking
      if (!isQueued) send()
    },
    resubscribe: () => words.push('resubscribes'),
    onGood: (atMs) => words.push(`good from ${seconds(atMs)}`),
    onLost: (reason, fromMs) => words.push(`lost from ${seconds(fromMs)}: ${reason}`),
    onMoved(urgent) {
      if (urgent || isEager) publish()
    },
  })
  const send = () => {
    if (unsent !== undefined) book.sent(unsent)
    unsent = undefined
  }
  const happen = (step: string): void => {
    const [does = '', ...rest] = step.split(' ')
    const atMs = timers.nowMs()
    if (does === 'live') book.live()
    else if (does === 'idle') book.idle()
    else if (does === 'take') publish()
    else if (does === 'sent') send()
    else if (does === 'close') book.close()
    else if (does === 'missing') book.missing(asked!)
    else if (does === 'cut') book.cut('disconnected', Number(rest[0]) * 1_000)
    else if (does === 'failed') {
      const [reason, fromS] = rest as [HoleReason, string?]
      book.failed(reason, fromS === undefined ? undefined : Number(fromS) * 1_000)
    } else if (does === 'snap' || does === 'answer') {
      const { event, levels } = snapshotOf(rest)
      book.snapshot(event, levels, atMs, does === 'answer' ? asked : undefined)
    } else {
      const { event, levels } = deltaOf([does, ...rest])
      book.change(event, levels, atMs)
    }
  }
  return {
    book,
    words,
    published,
    timers,
    counts,
    happen,
    /** What was asked for last. */
    get asked() {
      return asked
    },
  }
}

/**
 * Steps a second apart, or at `<second>:`; what is said is told by the second in which it was. `.` is nothing but time.
 *
 * `snap`, `answer`: `[part] <number> <rows>`, part of a book of which more is not known. A change: `<first>[-<last>]
 * [after <previous>] <rows>`, where nothing else is said after the one before `first`. Rows: `b100=1` a bid, `a101=0` an ask.
 */
export async function playBook(script: string, about?: BookRigAbout): Promise<string[]> {
  const rig = bookRig(about)
  const told: string[] = []
  let second = -1
  for (const part of script.split(' | ')) {
    const [, at, step] = /^(?:([\d.]+): )?(.*)$/.exec(part.trim())!
    second = at === undefined ? second + 1 : Number(at)
    await advance(rig, second * 1_000, told)
    if (step !== '.') rig.happen(step!)
    tell(rig, told)
  }
  return told
}

/** What falls due on the way is told at its own time. */
async function advance(rig: ReturnType<typeof bookRig>, toMs: number, told: string[]): Promise<void> {
  while (rig.timers.nowMs() < toMs) {
    const before = rig.words.length
    await rig.timers.advanceBy(Math.min(STEP_MS, toMs - rig.timers.nowMs()))
    if (rig.words.length > before) tell(rig, told)
  }
}

const STEP_MS = 50

function tell({ words, timers }: ReturnType<typeof bookRig>, told: string[]): void {
  if (words.length > 0) told.push(`${seconds(timers.nowMs())} ${words.join(', ')}`)
  words.length = 0
}

function seconds(ms: number): string {
  return String(ms / 1_000)
}

export type Rows<Event> = { readonly event: Event; readonly levels: Levels }

export function snapshotOf(words: readonly string[]): Rows<BookSnapshot> {
  const isPart = words[0] === 'part'
  const [number = '', ...rows] = isPart ? words.slice(1) : words
  const levels = levelsOf(rows)
  const event: BookSnapshot = {
    type: 'snapshot',
    symbol: 'BTCUSD',
    last: number === '-' ? NO_NUMBER : Number(number),
    exchangeTimeMs: null,
    whole: !isPart,
    from: 0,
    to: levels.length,
  }
  return { event, levels }
}

export function deltaOf(words: readonly string[]): Rows<BookDelta> {
  const [numbers = '', ...rest] = words
  const isNamed = rest[0] === 'after'
  const levels = levelsOf(isNamed ? rest.slice(2) : rest)
  const [first, last = first] = numbers.split('-').map((text) => (text === '' ? NO_NUMBER : Number(text)))
  const event: BookDelta = {
    type: 'delta',
    symbol: 'BTCUSD',
    first: first!,
    last: last!,
    previous: isNamed ? Number(rest[1]) : first! - 1,
    exchangeTimeMs: null,
    from: 0,
    to: levels.length,
  }
  return { event, levels }
}

function levelsOf(rows: readonly string[]): Levels {
  const levels = new Levels()
  for (const row of rows) {
    const [, side, price, size] = /^([ab])([\d.]+)=([\d.]+)$/.exec(row) ?? []
    if (!levels.add(side === 'b' ? 'bid' : 'ask', price!, size!)) throw new Error(`no row: ${row}`)
  }
  return levels
}

/** A checksum that holds while it says so, and remembers what it was told of. */
export function toldChecksum(holds: () => boolean): { open: () => BookChecksum; told: number[] } {
  const told: number[] = []
  return {
    told,
    open: () => ({
      holds({ last }) {
        told.push(last)
        return holds()
      },
    }),
  }
}
