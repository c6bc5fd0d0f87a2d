import type { Store } from '../../store/store.ts'
import type { Key, Table } from '../../store/table.ts'
import type { AnyProcessor, Failed } from '../processor.ts'
import { type CachedRow, emptyRow, storedRow } from './cached-row.ts'
import type { FeedIdentity, MarketRecord } from './decode.ts'

/**
 * The rows that records of the market go to (books, or trades, or tickers: one topic has one sort): for every feed and every
 * slot (a processor, and one length of its windows) the newest row, and older ones touched since the last commit. Nearly
 * every record finds its row without a look-up; a row that may be in the store is fetched first, one that cannot be is begun.
 */
type SlotKind = 'feed' | 'window' | 'second'

type Slot = {
  readonly processor: AnyProcessor
  readonly table: Table<unknown>
  readonly kind: SlotKind
  /** 0: one row a feed. */
  readonly lengthMs: number
  /** The window that was looked at last: records come in time order, so the next one is nearly always in it. */
  startMs: number
  /** What is to be written: by where rows start, so that they can be written in order; and how many there are. */
  readonly dirty: Map<number, FeedRow[]>
  dirtyRows: number
  /** The part that was added to last, and its start. */
  part: FeedRow[]
  partStartMs: number
}

type FeedRow = CachedRow & { readonly startMs: number }

/** How far market time has come for one source: shared by its feeds. */
export type Progress = { readonly source: string; ms: number }

export type Feed = FeedIdentity & {
  readonly progress: Progress
  /** By slot; the older ones in the order of their starts. */
  readonly newest: (FeedRow | undefined)[]
  readonly older: (FeedRow[] | undefined)[]
  /** By slot: no row begins later than this, in the store or here. Infinity where nobody knows. */
  readonly frontierMs: number[]
}

export class FeedRows {
  readonly #store: Store
  readonly #partition: number
  #slots: Slot[] = []
  #wanted: (Map<string, { feed: Feed; startMs: number }> | undefined)[] = []
  #isWanting = false
  #withOlder: Feed[] = []
  /** Nothing was ever written for this partition: what is not here is nowhere. */
  #isFresh: boolean

  constructor(store: Store, partition: number, isFresh: boolean) {
    this.#store = store
    this.#partition = partition
    this.#isFresh = isFresh
  }

  /** Forgets every row. Those of a fresh partition may be in the store from now on. */
  forget(): void {
    this.#isFresh = false
    this.#withOlder = []
  }

  follow(processors: readonly AnyProcessor[]): void {
    this.#slots = processors.flatMap(slotsOf)
  }

  newFeed(identity: FeedIdentity, progress: Progress): Feed {
    const slots = this.#slots.length
    return {
      ...identity,
      progress,
      newest: new Array<undefined>(slots).fill(undefined),
      older: new Array<undefined>(slots).fill(undefined),
      frontierMs: new Array<number>(slots).fill(
        this.#isFresh ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
      ),
    }
  }

  /** For feeds met the first time, before `want`: from where on their one-second tables hold nothing. One question a table. */
  async meet(feeds: readonly Feed[], records: readonly MarketRecord[]): Promise<void> {
    for (const [i, slot] of this.#slots.entries()) {
      if (this.#isFresh || slot.kind !== 'second' || records.length === 0) continue
      let fromMs = Number.POSITIVE_INFINITY
      for (const record of records) fromMs = Math.min(fromMs, startIn(slot, record.timeMs))
      const latest = await this.#store.latestStarts(slot.table, fromMs)
      for (const feed of feeds) feed.frontierMs[i] = latest.get(feed.id) ?? fromMs - 1
    }
  }

  /** Notes which rows of `record` are neither here nor known to be nowhere; `fetch` brings them. */
  want(record: MarketRecord, feed: Feed): void {
    const slots = this.#slots
    for (let i = 0; i < slots.length; i++) {
      const startMs = startIn(slots[i]!, record.timeMs)
      if (feed.newest[i]?.startMs === startMs || startMs > feed.frontierMs[i]!) continue
      if (findOlder(feed, i, startMs) !== undefined) continue
      this.#wanted[i] ??= new Map()
      this.#wanted[i]!.set(`${feed.id}:${startMs}`, { feed, startMs })
      this.#isWanting = true
    }
  }

  get isWanting(): boolean {
    return this.#isWanting
  }

  async fetch(): Promise<void> {
    for (const [i, wants] of this.#wanted.entries()) {
      if (wants === undefined) continue
      const slot = this.#slots[i]!
      const list = [...wants.values()]
      const keys = list.map(({ feed, startMs }) => keyIn(slot, feed.id, startMs))
      const found = await this.#store.fetch(slot.table, keys)
      list.forEach(({ feed, startMs }, at) => {
        this.#place(feed, i, { startMs, ...storedRow(keys[at]!, found[at], this.#partition) })
      })
    }
    this.#wanted = []
    this.#isWanting = false
  }

  /** Hands a record to every processor. `failed` is told who threw. */
  merge(record: MarketRecord, offset: number, feed: Feed, failed: Failed): void {
    const slots = this.#slots
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      const startMs = startIn(slot, record.timeMs)
      let row = feed.newest[i]
      if (row === undefined || row.startMs !== startMs) row = this.#rowFor(feed, i, startMs)
      try {
        row.row = slot.processor.merge(row.row, record as never, row.key)
      } catch (error) {
        failed(slot.processor, offset, error)
        continue
      }
      if (row.row === undefined) continue
      if (offset < row.firstOffset) row.firstOffset = offset
      if (offset > row.lastOffset) row.lastOffset = offset
      if (row.dirty) continue
      row.dirty = true
      noteDirty(slot, row)
    }
  }

  #rowFor(feed: Feed, i: number, startMs: number): FeedRow {
    const older = findOlder(feed, i, startMs)
    if (older !== undefined) return older
    const row = { startMs, ...emptyRow(keyIn(this.#slots[i]!, feed.id, startMs), this.#partition) }
    this.#place(feed, i, row)
    return row
  }

  /** A row joins the others: as the feed's newest, or among its older ones. */
  #place(feed: Feed, i: number, row: FeedRow): void {
    const newest = feed.newest[i]
    if (newest !== undefined && newest.startMs > row.startMs) {
      this.#keepOlder(feed, i, row)
      return
    }
    // Clean or not: earlier records of the same slice may still be on their way to it.
    if (newest !== undefined) this.#keepOlder(feed, i, newest)
    feed.newest[i] = row
    if (row.startMs > feed.frontierMs[i]!) feed.frontierMs[i] = row.startMs
  }

  #keepOlder(feed: Feed, i: number, row: FeedRow): void {
    const older = feed.older[i]
    if (older === undefined) {
      feed.older[i] = [row]
      this.#withOlder.push(feed)
    } else if (older.at(-1)!.startMs < row.startMs) older.push(row)
    else older.splice(placeOf(older, row.startMs), 0, row)
  }

  get waiting(): { final: number; changing: number } {
    let [final, changing] = [0, 0]
    for (const { kind, dirtyRows } of this.#slots) {
      if (kind === 'second') final += dirtyRows
      else changing += dirtyRows
    }
    return { final, changing }
  }

  /** The rows to be written, part by part, each put in the order of its table's key only when it is asked for. */
  *pending(): Generator<{ table: Table<unknown>; writes: readonly CachedRow[] }> {
    for (const { table, dirty } of this.#slots) {
      const parts = [...dirty].sort(([a], [b]) => a - b)
      for (const [, writes] of parts) yield { table, writes: writes.sort(byKey) }
    }
  }

  committed(): void {
    for (const slot of this.#slots) {
      for (const rows of slot.dirty.values()) for (const row of rows) row.dirty = false
      slot.dirty.clear()
      slot.dirtyRows = 0
      slot.partStartMs = NO_PART
    }
    for (const feed of this.#withOlder) feed.older.fill(undefined)
    this.#withOlder = []
  }

  /** Takes a processor out with whatever is uncommitted of it; the rows of the others stay. */
  drop(processor: AnyProcessor, feeds: Iterable<Feed>): void {
    const kept = this.#slots.map((slot) => slot.processor !== processor)
    this.#slots = this.#slots.filter((_, i) => kept[i])
    for (const feed of feeds) {
      keep(feed.newest, kept)
      keep(feed.older, kept)
      keep(feed.frontierMs, kept)
    }
  }
}

/** Where no row starts. */
const NO_PART = -1

function noteDirty(slot: Slot, row: FeedRow): void {
  slot.dirtyRows++
  if (slot.partStartMs !== row.startMs) {
    slot.part = slot.dirty.get(row.startMs) ?? []
    slot.partStartMs = row.startMs
    slot.dirty.set(row.startMs, slot.part)
  }
  slot.part.push(row)
}

function slotsOf(processor: AnyProcessor): Slot[] {
  const { per, table } = processor
  const slot = (kind: SlotKind, lengthMs: number): Slot => ({
    processor,
    table,
    kind,
    lengthMs,
    startMs: 0,
    dirty: new Map(),
    dirtyRows: 0,
    part: [],
    partStartMs: NO_PART,
  })
  if (per.kind === 'window') return per.lengthsMs.map((lengthMs) => slot('window', lengthMs))
  return per.kind === 'second' ? [slot('second', 1_000)] : per.kind === 'feed' ? [slot('feed', 0)] : []
}

function startIn(slot: Slot, timeMs: number): number {
  const { lengthMs, startMs } = slot
  if (lengthMs === 0 || (timeMs >= startMs && timeMs < startMs + lengthMs)) return startMs
  slot.startMs = timeMs - (timeMs % lengthMs)
  return slot.startMs
}

function keyIn({ kind, lengthMs }: Slot, feed: number, startMs: number): Key {
  if (kind === 'feed') return [feed]
  return kind === 'second' ? [startMs, feed] : [feed, lengthMs, startMs]
}

/** (feed, start) or (second, feed): within one part, the order of the table's key. Appending to a B-tree costs half of inserting all over it. */
function byKey(a: FeedRow, b: FeedRow): number {
  return (
    (a.key[0] as number) - (b.key[0] as number) ||
    (a.key[1] as number) - (b.key[1] as number) ||
    a.startMs - b.startMs
  )
}

function findOlder(feed: Feed, i: number, startMs: number): FeedRow | undefined {
  const older = feed.older[i]
  if (older === undefined || older.at(-1)!.startMs < startMs) return undefined
  const row = older[placeOf(older, startMs)]
  return row?.startMs === startMs ? row : undefined
}

/** Where a row that begins at `startMs` stands, or would, among rows in the order of their starts. */
function placeOf(rows: readonly FeedRow[], startMs: number): number {
  let [from, to] = [0, rows.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (rows[middle]!.startMs < startMs) from = middle + 1
    else to = middle
  }
  return from
}

function keep(bySlot: unknown[], kept: readonly boolean[]): void {
  bySlot.splice(0, bySlot.length, ...bySlot.filter((_, i) => kept[i]))
}
