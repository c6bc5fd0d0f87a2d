import type { LogRecord } from '../broker/broker.ts'
import type { Kind } from '../models/topics.ts'
import type { FeedName, ReaderState, RowWrite, Store } from '../store/store.ts'
import type { Key, Table } from '../store/table.ts'
import { type Decoded, decode, decodeFast, type FeedIdentity, identityOf } from './decode.ts'
import type { BookTop, OutboxMessage, Processor, Records } from './processor.ts'

/**
 * One reader of one partition: applies records in order to the processors that follow it, and keeps every row it touched
 * until the next commit. All that it knows besides rows (what came twice, how far market time has come) is a function of
 * the log up to its position and is committed with them.
 */
export type AnyProcessor = Processor<keyof Records, unknown>

/** Rows of keyed tables kept between commits; they are few, and fetched again when forgotten. */
const KEYED_ROWS_MAX = 10_000
/** Names a processor's own ordinal among the counts; the other names are record types. */
export const ORDINAL_OF = 'ordinal of '
/** Feeds remembered between commits; beyond it all are forgotten and fetched again as they come. */
const FEEDS_MAX = 50_000

type Entry = {
  start: number
  key: Key
  row: unknown
  partition: number
  firstOffset: number
  lastOffset: number
  dirty: boolean
}

/** One place a book goes to in every feed: a processor, and the length of its windows (0: one row a feed). */
type Slot = {
  readonly processor: AnyProcessor
  readonly table: Table<unknown>
  readonly kind: 'feed' | 'window' | 'second'
  readonly lengthMs: number
  dirty: Entry[]
}

type KeyedSlot = {
  readonly processor: AnyProcessor
  readonly table: Table<unknown>
  readonly of: (record: unknown, about: { ordinal: number; partition: number }) => Key | undefined
  readonly rows: Map<string, Entry>
  dirty: Entry[]
}

type Progress = { readonly source: string; ms: number }

type FeedState = FeedIdentity & {
  readonly progress: Progress
  /** By slot: the newest row, older ones touched since the last commit, and the start beyond which no row can exist. */
  readonly current: (Entry | undefined)[]
  readonly older: (Entry[] | undefined)[]
  readonly frontier: number[]
}

/** A record on its way through a slice. */
type Step =
  | { readonly type: 'book'; readonly record: BookTop; readonly offset: number; readonly feed: FeedState }
  | {
      readonly type: 'other'
      readonly decoded: Decoded
      readonly offset: number
      readonly keys: readonly (Key | undefined)[]
    }

/** A processor that threw, and where: it goes on by itself, the others go on without it. */
export type Failure = { readonly processor: AnyProcessor; readonly offset: number; readonly error: unknown }

export type ReaderOptions = {
  readonly partition: number
  readonly topic: string
  readonly partitionNumber: number
  readonly logId: string
  readonly kind: Kind
  readonly store: Store
  readonly lateMaxMs: number
  readonly idOf: (venue: string, source: string, product: string) => number
}

export class Reader {
  readonly state: ReaderState
  readonly #options: ReaderOptions
  #processors: AnyProcessor[] = []
  #slots: Slot[] = []
  #keyed: KeyedSlot[] = []
  #failures: Failure[] = []
  readonly #feedsByProduct = new Map<string, FeedState[]>()
  #feedCount = 0
  #newFeeds: FeedName[] = []
  #unfetched: FeedState[] = []
  #withOlder: FeedState[] = []
  readonly #progress = new Map<string, Progress>()
  #outbox: OutboxMessage[] = []
  #moved = false

  constructor(state: ReaderState, processors: readonly AnyProcessor[], options: ReaderOptions) {
    this.state = state
    this.#options = options
    for (const [source, ms] of state.progress) this.#progress.set(source, { source, ms })
    this.follow(processors)
  }

  get processors(): readonly AnyProcessor[] {
    return this.#processors
  }

  /** Something to commit. */
  get moved(): boolean {
    return this.#moved
  }

  get dirtyRows(): number {
    let rows = 0
    for (const slot of this.#slots) rows += slot.dirty.length
    for (const slot of this.#keyed) rows += slot.dirty.length
    return rows
  }

  /** Changes who follows this reader. Nothing may be uncommitted: every cached row is forgotten. */
  follow(processors: readonly AnyProcessor[]): void {
    this.#processors = [...processors]
    this.#slots = processors.filter(({ reads }) => reads === 'book').flatMap(slotsOf)
    this.#keyed = processors.filter(({ per }) => per.kind === 'key').map(keyedSlotOf)
    this.forget()
  }

  /** Forgets every cached row. Nothing may be uncommitted. */
  forget(): void {
    this.#feedsByProduct.clear()
    this.#feedCount = 0
    this.#withOlder = []
    for (const slot of this.#keyed) slot.rows.clear()
  }

  /**
   * Applies records [from, to) of `records`: they follow each other and `state.position` (offsets before it are passed
   * over, missing ones counted as lost). Waits only where a row must be fetched. Answers the processors that threw.
   */
  async apply(records: readonly LogRecord[], from: number, to: number): Promise<readonly Failure[]> {
    this.#failures = []
    const steps: Step[] = []
    for (let i = from; i < to; i++) this.#step(records[i]!, steps)
    if (this.#unfetched.length > 0) await this.#meetFeeds(steps)
    const missing = this.#missingRows(steps)
    if (missing !== undefined) await missing
    for (const step of steps) {
      if (step.type === 'book') this.#mergeBook(step.record, step.offset, step.feed)
      else this.#mergeOther(step.decoded, step.offset, step.keys)
    }
    return this.#failures
  }

  // --- decoding, duplicates, lateness: the part that is a function of the log alone ---

  #step(record: LogRecord, steps: Step[]): void {
    const { state } = this
    if (record.offset < state.position) return
    state.lost += record.offset - state.position
    state.position = record.offset + 1
    this.#moved = true
    const { value, run, n } = record
    if (value === null || run === null || n === null) {
      this.#foreign(
        record,
        record.corrupt ? 'corrupt-record' : 'foreign-record',
        '',
        record.corrupt ? 'the checksum is wrong' : 'no run, n or value',
      )
      return
    }
    if (n <= (state.runs.get(run) ?? 0)) {
      state.duplicate++
      return
    }
    const feeds = record.key === null ? undefined : this.#feedsByProduct.get(record.key)
    if (feeds !== undefined) {
      for (let i = 0; i < feeds.length; i++) {
        const feed = feeds[i]!
        const book = decodeFast(value, feed, n)
        if (book === undefined) continue
        this.#seen(run, n)
        this.#book(book, feed, run, record.offset, steps)
        return
      }
    }
    this.#slowStep(record, value, run, n, steps)
  }

  #slowStep(record: LogRecord, value: string, run: string, n: number, steps: Step[]): void {
    let feed: FeedState | undefined
    const decoded = decode(value, this.#options.kind, n, (venue, source, product) => {
      feed = this.#feed(venue, source, product)
      return feed
    })
    if (decoded.type === 'foreign') {
      this.#foreign(record, 'foreign-record', decoded.path, decoded.message)
      return
    }
    this.#seen(run, n)
    if (decoded.type === 'book') {
      this.#book(decoded.record, feed!, run, record.offset, steps)
      return
    }
    if (decoded.type === 'mark') this.#advance(this.#progressOf(decoded.record.source), decoded.record.upToMs)
    steps.push({ type: 'other', decoded, offset: record.offset, keys: this.#keysOf(decoded) })
  }

  #seen(run: string, n: number): void {
    this.state.runs.set(run, n)
    this.state.runsMoved.add(run)
  }

  #book(book: BookTop, feed: FeedState, run: string, offset: number, steps: Step[]): void {
    const { progress } = feed
    if (book.timeMs < progress.ms - this.#options.lateMaxMs && !run.startsWith('resend:')) {
      this.state.tooLate++
      return
    }
    const reachedMs = Math.min(book.timeMs, book.receivedAtMs)
    if (reachedMs > progress.ms) progress.ms = reachedMs
    this.#count('book')
    steps.push({ type: 'book', record: book, offset, feed })
  }

  #advance(progress: Progress, ms: number): void {
    if (ms > progress.ms) progress.ms = ms
  }

  #count(type: string): number {
    const count = (this.state.counts.get(type) ?? 0) + 1
    this.state.counts.set(type, count)
    return count
  }

  /** The keys of the rows that a record goes to, one a keyed slot. Ordinals count only what a slot counts. */
  #keysOf(decoded: Decoded): (Key | undefined)[] {
    this.#count(decoded.type)
    return this.#keyed.map((slot) => {
      const { processor } = slot
      if (processor.reads !== decoded.type) return undefined
      const counts = processor.per.kind === 'key' ? processor.per.counts : undefined
      if (counts !== undefined && !counts(decoded.record as never)) return undefined
      const ordinal =
        counts === undefined ? this.state.counts.get(decoded.type)! : this.#count(ORDINAL_OF + processor.name)
      return slot.of(decoded.record, { ordinal, partition: this.#options.partition })
    })
  }

  #foreign(
    record: LogRecord,
    kind: 'foreign-record' | 'corrupt-record',
    path: string,
    message: string,
  ): void {
    this.state.foreign++
    const { topic, partitionNumber, logId } = this.#options
    const at = `${topic}/${partitionNumber}@${record.offset}`
    const payload = {
      topic,
      kind,
      path,
      message: `${at}: ${message}`,
      key: record.key,
      value: record.value ?? '',
      atMs: record.appendedAtMs,
    }
    this.#outbox.push({ id: `reject:${logId}:${at}`, kind: 'reject', payload })
  }

  // --- feeds ---

  #feed(venue: string, source: string, product: string): FeedState {
    const known = this.#feedsByProduct
      .get(product)
      ?.find((feed) => feed.source === source && feed.venue === venue)
    if (known !== undefined) return known
    const id = this.#options.idOf(venue, source, product)
    const slots = this.#slots.length
    const feed: FeedState = {
      ...identityOf(id, venue, source, product),
      progress: this.#progressOf(source),
      current: new Array(slots).fill(undefined),
      older: new Array(slots).fill(undefined),
      frontier: new Array(slots).fill(Number.POSITIVE_INFINITY),
    }
    const sameProduct = this.#feedsByProduct.get(product)
    if (sameProduct === undefined) this.#feedsByProduct.set(product, [feed])
    else sameProduct.push(feed)
    this.#feedCount++
    this.#newFeeds.push({ id, venue, source, product })
    this.#unfetched.push(feed)
    return feed
  }

  #progressOf(source: string): Progress {
    const known = this.#progress.get(source)
    if (known !== undefined) return known
    const made = { source, ms: 0 }
    this.#progress.set(source, made)
    return made
  }

  /** For feeds met the first time: from where on their one-second tables cannot hold a row. One question a table. */
  async #meetFeeds(steps: readonly Step[]): Promise<void> {
    const met = this.#unfetched
    this.#unfetched = []
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i]!
      if (slot.kind !== 'second') continue
      let fromMs = Number.POSITIVE_INFINITY
      for (const step of steps) {
        if (step.type === 'book')
          fromMs = Math.min(fromMs, step.record.timeMs - (step.record.timeMs % slot.lengthMs))
      }
      if (fromMs === Number.POSITIVE_INFINITY) continue
      const latest = await this.#options.store.latestStarts(slot.table, fromMs)
      for (const feed of met) feed.frontier[i] = latest.get(feed.id) ?? fromMs - 1
    }
  }

  // --- rows ---

  /** Fetches the rows that the slice needs and the caches lack; undefined where there are none, and nothing to wait for. */
  #missingRows(steps: readonly Step[]): Promise<void> | undefined {
    const wanted: (Map<string, { feed: FeedState; start: number }> | undefined)[] = []
    const keyed: (Map<string, Key> | undefined)[] = []
    let any = false
    for (const step of steps) {
      if (step.type === 'other') any = this.#wantKeyed(step.keys, keyed) || any
      else any = this.#wantBook(step.record, step.feed, wanted) || any
    }
    return any ? this.#fetch(wanted, keyed) : undefined
  }

  #wantBook(
    book: BookTop,
    feed: FeedState,
    wanted: (Map<string, { feed: FeedState; start: number }> | undefined)[],
  ): boolean {
    let any = false
    const { current, frontier } = feed
    for (let i = 0; i < this.#slots.length; i++) {
      const start = startIn(this.#slots[i]!, book.timeMs)
      if (current[i]?.start === start || start > frontier[i]!) continue
      if (findOlder(feed, i, start) !== undefined) continue
      wanted[i] ??= new Map()
      wanted[i]!.set(`${feed.id}:${start}`, { feed, start })
      any = true
    }
    return any
  }

  #wantKeyed(keys: readonly (Key | undefined)[], keyed: (Map<string, Key> | undefined)[]): boolean {
    let any = false
    keys.forEach((key, i) => {
      if (key === undefined) return
      const name = keyText(key)
      if (this.#keyed[i]!.rows.has(name)) return
      keyed[i] ??= new Map()
      keyed[i]!.set(name, key)
      any = true
    })
    return any
  }

  async #fetch(
    wanted: readonly (Map<string, { feed: FeedState; start: number }> | undefined)[],
    keyed: readonly (Map<string, Key> | undefined)[],
  ): Promise<void> {
    const { store, partition } = this.#options
    for (const [i, wants] of wanted.entries()) {
      if (wants === undefined) continue
      const slot = this.#slots[i]!
      const list = [...wants.values()]
      const found = await store.fetch(
        slot.table,
        list.map(({ feed, start }) => keyIn(slot, feed.id, start)),
      )
      found.forEach((stored, at) => {
        const { feed, start } = list[at]!
        const entry = {
          start,
          key: keyIn(slot, feed.id, start),
          row: stored?.row,
          partition,
          dirty: false,
          ...lineageOf(stored),
        }
        this.#place(feed, i, entry)
      })
    }
    for (const [i, wants] of keyed.entries()) {
      if (wants === undefined) continue
      const slot = this.#keyed[i]!
      const list = [...wants]
      const found = await store.fetch(
        slot.table,
        list.map(([, key]) => key),
      )
      found.forEach((stored, at) => {
        const [name, key] = list[at]!
        slot.rows.set(name, {
          start: 0,
          key,
          row: stored?.row,
          partition,
          dirty: false,
          ...lineageOf(stored),
        })
      })
    }
  }

  /** A row joins the cache: as the feed's newest, or among its older ones. */
  #place(feed: FeedState, i: number, entry: Entry): void {
    const newest = feed.current[i]
    if (newest === undefined || newest.start < entry.start) {
      if (newest !== undefined) this.#keepOlder(feed, i, newest)
      feed.current[i] = entry
      if (this.#slots[i]!.kind === 'second')
        feed.frontier[i] = Math.max(finite(feed.frontier[i]!), entry.start)
    } else this.#keepOlder(feed, i, entry)
  }

  #keepOlder(feed: FeedState, i: number, entry: Entry): void {
    const older = feed.older[i]
    if (older === undefined) feed.older[i] = [entry]
    else older.push(entry)
    this.#withOlder.push(feed)
  }

  #entryFor(feed: FeedState, i: number, start: number): Entry {
    const older = findOlder(feed, i, start)
    if (older !== undefined) return older
    const key = keyIn(this.#slots[i]!, feed.id, start)
    const entry: Entry = {
      start,
      key,
      row: undefined,
      partition: this.#options.partition,
      dirty: false,
      ...lineageOf(undefined),
    }
    this.#place(feed, i, entry)
    return entry
  }

  #mergeBook(book: BookTop, offset: number, feed: FeedState): void {
    const slots = this.#slots
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      const start = startIn(slot, book.timeMs)
      let entry = feed.current[i]
      if (entry === undefined || entry.start !== start) entry = this.#entryFor(feed, i, start)
      this.#merge(slot, entry, book, offset)
    }
  }

  #mergeOther(decoded: Decoded, offset: number, keys: readonly (Key | undefined)[]): void {
    for (let i = 0; i < this.#keyed.length; i++) {
      const key = keys[i]
      if (key === undefined) continue
      const slot = this.#keyed[i]!
      this.#merge(slot, slot.rows.get(keyText(key))!, decoded.record, offset)
    }
  }

  #merge(slot: Slot | KeyedSlot, entry: Entry, record: unknown, offset: number): void {
    const before = entry.row
    try {
      entry.row = slot.processor.merge(before, record as never, entry.key)
    } catch (error) {
      if (!this.#failures.some(({ processor }) => processor === slot.processor)) {
        this.#failures.push({ processor: slot.processor, offset, error })
      }
      return
    }
    if (entry.row === undefined) return
    if (offset < entry.firstOffset) entry.firstOffset = offset
    if (offset > entry.lastOffset) entry.lastOffset = offset
    if (!entry.dirty) {
      entry.dirty = true
      slot.dirty.push(entry)
    }
    const message = slot.processor.tells?.(before, entry.row)
    if (message !== undefined) this.#outbox.push(message)
  }

  // --- committing ---

  /** Everything since the last commit, minus the rows of `without`. The arrays stay the reader's own: commit, then `committed`. */
  pending(): {
    rows: { table: Table<unknown>; writes: readonly RowWrite[] }[]
    feeds: readonly FeedName[]
    outbox: readonly OutboxMessage[]
  } {
    for (const { source, ms } of this.#progress.values()) if (ms > 0) this.state.progress.set(source, ms)
    const rows = [...this.#slots, ...this.#keyed]
      .filter(({ dirty }) => dirty.length > 0)
      .map(({ table, dirty }) => ({ table, writes: dirty }))
    return { rows, feeds: this.#newFeeds, outbox: this.#outbox }
  }

  committed(): void {
    for (const slot of [...this.#slots, ...this.#keyed]) {
      for (const entry of slot.dirty) entry.dirty = false
      slot.dirty = []
    }
    for (const feed of this.#withOlder) feed.older.fill(undefined)
    this.#withOlder = []
    this.#newFeeds = []
    this.#outbox = []
    this.#moved = false
    for (const slot of this.#keyed) if (slot.rows.size > KEYED_ROWS_MAX) slot.rows.clear()
    if (this.#feedCount > FEEDS_MAX) this.forget()
  }

  /** Takes a processor out, with whatever it has not committed. The rows of the others stay. */
  drop(processor: AnyProcessor): void {
    this.#processors = this.#processors.filter((other) => other !== processor)
    const kept = this.#slots.map((slot) => slot.processor !== processor)
    this.#slots = this.#slots.filter((_, i) => kept[i])
    this.#keyed = this.#keyed.filter((slot) => slot.processor !== processor)
    for (const feeds of this.#feedsByProduct.values()) for (const feed of feeds) keepSlots(feed, kept)
    this.#moved = true
  }
}

function slotsOf(processor: AnyProcessor): Slot[] {
  const { per, table } = processor
  const slot = { processor, table, dirty: [] as Entry[] }
  if (per.kind === 'feed') return [{ ...slot, kind: 'feed', lengthMs: 0 }]
  if (per.kind === 'second') return [{ ...slot, kind: 'second', lengthMs: 1_000 }]
  if (per.kind === 'window')
    return per.lengthsMs.map((lengthMs) => ({ ...slot, dirty: [], kind: 'window' as const, lengthMs }))
  return []
}

function keyedSlotOf(processor: AnyProcessor): KeyedSlot {
  const { per, table } = processor
  if (per.kind !== 'key') throw new Error(`${processor.name} is not keyed`)
  return { processor, table, of: per.of as KeyedSlot['of'], rows: new Map(), dirty: [] }
}

function startIn(slot: Slot, timeMs: number): number {
  return slot.lengthMs === 0 ? 0 : timeMs - (timeMs % slot.lengthMs)
}

function keyIn(slot: Slot, feed: number, start: number): Key {
  if (slot.kind === 'feed') return [feed]
  return slot.kind === 'second' ? [start, feed] : [feed, slot.lengthMs, start]
}

function findOlder(feed: FeedState, i: number, start: number): Entry | undefined {
  const older = feed.older[i]
  if (older === undefined) return undefined
  for (let at = older.length - 1; at >= 0; at--) if (older[at]!.start === start) return older[at]
  return undefined
}

function lineageOf(stored: { firstOffset: number; lastOffset: number } | undefined): {
  firstOffset: number
  lastOffset: number
} {
  return stored === undefined
    ? { firstOffset: Number.MAX_SAFE_INTEGER, lastOffset: -1 }
    : { firstOffset: stored.firstOffset, lastOffset: stored.lastOffset }
}

function keyText(key: Key): string {
  return key.length === 1 && typeof key[0] === 'string' ? key[0] : JSON.stringify(key)
}

function finite(frontier: number): number {
  return frontier === Number.POSITIVE_INFINITY ? 0 : frontier
}

function keepSlots(feed: FeedState, kept: readonly boolean[]): void {
  for (const bySlot of [feed.current, feed.older, feed.frontier] as unknown[][]) {
    bySlot.splice(0, bySlot.length, ...bySlot.filter((_, i) => kept[i]))
  }
}
