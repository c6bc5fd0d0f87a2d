import type { LogRecord } from '../../broker/broker.ts'
import type { Mark } from '../../models/feed-records.ts'
import type { ForeignRecord, OutboxMessage } from '../../models/outbox-message.ts'
import { keepOriginal, type RejectionKind } from '../../models/rejection.ts'
import type { Kind } from '../../models/topics.ts'
import type { FeedName, ReaderState, RowWrite, Store } from '../../store/store.ts'
import type { Key, Table } from '../../store/table.ts'
import type { AnyProcessor, Failed, MarketData } from '../processor.ts'
import {
  type Decoded,
  decode,
  decodeFast,
  feedNamed,
  identityOf,
  type MarketRecord,
  type Named,
} from './decode.ts'
import { type Feed, FeedRows, type Progress } from './feed-rows.ts'
import { KeyedRows } from './keyed-rows.ts'
import { type Losses, takeHoles } from './losses.ts'

/** Names a processor's own ordinal among the counts; the other names are record types. */
export const ORDINAL_OF = 'ordinal of '
/** Feeds remembered between commits; beyond it all are forgotten and fetched again as they come. */
const FEEDS_MAX = 50_000

/** A record on its way through a slice. */
type Step =
  | { readonly isMarket: true; readonly record: MarketRecord; readonly offset: number; readonly feed: Feed }
  | {
      readonly isMarket: false
      readonly decoded: Decoded
      readonly offset: number
      readonly keys: readonly (Key | undefined)[]
    }

/** A processor that threw, and where. */
export type Failure = { readonly processor: AnyProcessor; readonly offset: number; readonly error: unknown }

export type ReaderOptions = {
  /** The partition's id in the store, and where it is on the broker. */
  readonly partition: number
  readonly topic: string
  readonly partitionNumber: number
  readonly logId: string
  readonly kind: Kind
  readonly store: Store
  readonly lateMaxMs: number
  readonly idOf: (venue: string, source: string, product: string) => number
}

/**
 * One reader of one partition: applies records in order to the processors that follow it. What it knows besides rows (what
 * came twice, how far market time has come, how much was applied) is a function of the log up to its position, and is
 * committed with them.
 */
export class Reader {
  readonly state: ReaderState
  readonly #options: ReaderOptions
  /** What records of the market are called on a topic of this kind; where there are none, nobody asks. */
  readonly #marketType: MarketData
  readonly #market: FeedRows
  readonly #keyed: KeyedRows
  readonly #feeds = new Map<string, Feed[]>()
  readonly #progress = new Map<string, Progress>()
  #processors: readonly AnyProcessor[] = []
  #feedCount = 0
  #newFeeds: FeedName[] = []
  #unmet: Feed[] = []
  #outbox: OutboxMessage[] = []
  #failures: Failure[] = []
  #moved = false
  readonly #losses: Losses = new Map()
  /** The run of the last record and its n, and records of the market counted: written to `state` when it is committed. */
  #run = ''
  #runN = 0
  #marketCount = 0

  constructor(
    state: ReaderState,
    processors: readonly AnyProcessor[],
    options: ReaderOptions,
    isFresh = false,
  ) {
    this.state = state
    this.#options = options
    this.#marketType = marketDataOn(options.kind)
    this.#market = new FeedRows(options.store, options.partition, isFresh)
    this.#keyed = new KeyedRows(options.store, options.partition)
    for (const [source, ms] of state.progress) this.#progress.set(source, { source, ms })
    this.#processors = processors
    this.#market.follow(processors)
    this.#keyed.follow(processors)
  }

  get processors(): readonly AnyProcessor[] {
    return this.#processors
  }

  /** Whether there is something to commit. */
  get moved(): boolean {
    return this.#moved
  }

  /** Rows that wait for a commit: those that will not change soon, and those that the next book may change again. */
  get waiting(): { final: number; changing: number } {
    const { final, changing } = this.#market.waiting
    return { final, changing: changing + this.#keyed.dirtyRows }
  }

  /** Changes who follows this reader and forgets every cached row. Nothing may be uncommitted. */
  follow(processors: readonly AnyProcessor[]): void {
    this.#processors = processors
    this.#market.forget()
    this.#market.follow(processors)
    this.#keyed.follow(processors)
    this.#feeds.clear()
    this.#feedCount = 0
  }

  /** Records were lost before the next one: each run's next mark makes that a hole of what it watched. */
  lose(losses: Losses): void {
    for (const [run, loss] of losses) if (!this.#losses.has(run)) this.#losses.set(run, loss)
  }

  /** How far market time has come, by source. */
  progressNow(): Map<string, number> {
    const known = [...this.#progress.values()].filter(({ ms }) => ms > 0)
    return new Map(known.map(({ source, ms }) => [source, ms]))
  }

  /** Takes a processor out, with whatever is uncommitted of it. The others go on. */
  drop(processor: AnyProcessor): void {
    this.#processors = this.#processors.filter((other) => other !== processor)
    this.#market.drop(processor, [...this.#feeds.values()].flat())
    this.#keyed.drop(processor)
    this.#moved = true
  }

  /** Goes on at `offset`: what lies before it is gone, and counted as lost. */
  passOver(offset: number): void {
    this.state.lost += offset - this.state.position
    this.state.position = offset
    this.#moved = true
  }

  /** Takes over the ordinal that `other` has counted for a processor up to the same position. */
  countOn({ name }: AnyProcessor, other: Reader): void {
    const ordinal = other.state.counts.get(ORDINAL_OF + name)
    if (ordinal === undefined) return
    this.state.counts.set(ORDINAL_OF + name, ordinal)
    this.#moved = true
  }

  /**
   * Applies records [from, to) of `records`, in order; offsets before `state.position` are passed over, missing ones are
   * counted as lost. Waits only where a row must be fetched. Answers the processors that threw.
   */
  async apply(records: readonly LogRecord[], from: number, to: number): Promise<readonly Failure[]> {
    const steps: Step[] = []
    this.#failures = []
    for (let i = from; i < to; i++) this.#step(records[i]!, steps)
    if (this.#unmet.length > 0) await this.#meet(steps)
    for (const step of steps) if (step.isMarket) this.#market.want(step.record, step.feed)
    if (this.#market.isWanting) await this.#market.fetch()
    if (this.#keyed.isWanting) await this.#keyed.fetch()
    for (const step of steps) this.#merge(step)
    return this.#failures
  }

  #merge(step: Step): void {
    if (step.isMarket) this.#market.merge(step.record, step.offset, step.feed, this.#failed)
    else this.#keyed.merge(step.decoded, step.offset, step.keys, this.#failed, this.#tell)
  }

  readonly #failed: Failed = (processor, offset, error) => {
    const known = this.#failures.some((failure) => failure.processor === processor)
    if (!known) this.#failures.push({ processor, offset, error })
  }

  readonly #tell = (message: OutboxMessage): void => {
    this.#outbox.push(message)
  }

  // --- decoding, duplicates, lateness: a function of the log alone ---

  #step(record: LogRecord, steps: Step[]): void {
    const { state } = this
    if (record.offset < state.position) return
    state.lost += record.offset - state.position
    state.position = record.offset + 1
    this.#moved = true
    const { value, run, n } = record
    if (value === null || run === null || n === null) {
      if (record.corrupt) this.#foreign(record, 'corrupt-record', '', 'its checksum is wrong')
      else this.#foreign(record, 'foreign-record', '', whyForeign(record))
      return
    }
    if (n <= this.#lastN(run)) {
      state.duplicate++
      return
    }
    const feeds = record.key === null ? undefined : this.#feeds.get(record.key)
    if (feeds !== undefined) {
      for (let i = 0; i < feeds.length; i++) {
        const data = decodeFast(value, feeds[i]!, n)
        if (data === undefined) continue
        this.#runN = n
        this.#ofMarket(data, feeds[i]!, run, record.offset, steps)
        return
      }
    }
    if (!this.#firstOfFeed(record, value, run, n, steps)) this.#slowStep(record, value, run, n, steps)
  }

  /** The fast way for a feed that was not met yet: thousands begin at once when a processor starts. */
  #firstOfFeed(record: LogRecord, value: string, run: string, n: number, steps: Step[]): boolean {
    const named = feedNamed(value)
    if (named === undefined || named.type !== this.#marketType) return false
    const { venue, source, product } = named
    const id = this.#options.idOf(venue, source, product)
    const data = decodeFast(value, identityOf(id, named.type, named), n)
    if (data === undefined) return false
    this.#runN = n
    this.#ofMarket(data, this.#feed(named, id), run, record.offset, steps)
    return true
  }

  #slowStep(record: LogRecord, value: string, run: string, n: number, steps: Step[]): void {
    let feed: Feed | undefined
    const decoded = decode(value, this.#options.kind, n, (named) => {
      feed = this.#feed(named)
      return feed
    })
    if (decoded.type === 'foreign') {
      this.#foreign(record, 'foreign-record', decoded.path, decoded.message)
      return
    }
    this.#runN = n
    if (decoded.type === 'book' || decoded.type === 'trade' || decoded.type === 'ticker') {
      this.#ofMarket(decoded.record, feed!, run, record.offset, steps)
      return
    }
    if (decoded.type === 'mark') this.#mark(decoded.record, record.offset, steps)
    const ordinal = this.#count(decoded.type)
    const ordinalOf = ({ name }: AnyProcessor, ownCount: boolean): number =>
      ownCount ? this.#count(ORDINAL_OF + name) : ordinal
    const keys = this.#keyed.want(decoded, record.offset, ordinalOf, this.#failed)
    steps.push({ isMarket: false, decoded, offset: record.offset, keys })
  }

  #ofMarket(data: MarketRecord, feed: Feed, run: string, offset: number, steps: Step[]): void {
    const { progress } = feed
    if (data.timeMs < progress.ms - this.#options.lateMaxMs && !run.startsWith('resend:')) {
      this.state.tooLate++
      return
    }
    advance(progress, Math.min(data.timeMs, data.receivedAtMs))
    this.#marketCount++
    steps.push({ isMarket: true, record: data, offset, feed })
  }

  #mark(mark: Mark, offset: number, steps: Step[]): void {
    advance(this.#progressOf(mark.source), mark.upToMs)
    const { topic, partitionNumber, logId } = this.#options
    for (const hole of takeHoles(this.#losses, mark, `${logId}:${topic}/${partitionNumber}@${offset}`)) {
      const keys = this.#keyed.want(hole, offset, () => 0, this.#failed)
      steps.push({ isMarket: false, decoded: hole, offset, keys })
    }
  }

  /** The last n of a run; makes it the run that is counted from now on. */
  #lastN(run: string): number {
    if (run === this.#run) return this.#runN
    this.#keepRun()
    this.#run = run
    this.#runN = this.state.runs.get(run) ?? 0
    return this.#runN
  }

  #keepRun(): void {
    if (this.#run === '' || this.state.runs.get(this.#run) === this.#runN) return
    this.state.runs.set(this.#run, this.#runN)
    this.state.runsMoved.add(this.#run)
  }

  #count(name: string): number {
    const count = (this.state.counts.get(name) ?? 0) + 1
    this.state.counts.set(name, count)
    return count
  }

  #foreign(record: LogRecord, kind: RejectionKind, path: string, problem: string): void {
    this.state.foreign++
    const { topic, partitionNumber, logId } = this.#options
    const place = `${topic}/${partitionNumber}@${record.offset}`
    const payload: ForeignRecord = {
      place: { topic, partition: partitionNumber, offset: record.offset },
      refusal: { kind, path, message: `${place}: ${problem}` },
      original: keepOriginal(record.bytes ?? Buffer.from(record.value ?? '')),
      atMs: record.appendedAtMs,
    }
    this.#outbox.push({ id: `reject:${logId}:${place}`, kind: 'reject', payload })
  }

  // --- feeds ---

  #feed({ venue, source, product }: Named, knownId?: number): Feed {
    const sameProduct = this.#feeds.get(product) ?? []
    const known = sameProduct.find((feed) => feed.source === source && feed.venue === venue)
    if (known !== undefined) return known
    const id = knownId ?? this.#options.idOf(venue, source, product)
    const identity = identityOf(id, this.#marketType, { venue, source, product })
    const feed = this.#market.newFeed(identity, this.#progressOf(source))
    this.#feeds.set(product, [...sameProduct, feed])
    this.#feedCount++
    this.#newFeeds.push({ id, venue, source, product })
    this.#unmet.push(feed)
    return feed
  }

  /** Feeds stay unmet until the market moves: only then is it known from where on a table may hold rows of theirs. */
  async #meet(steps: readonly Step[]): Promise<void> {
    const records = steps.flatMap((step) => (step.isMarket ? [step.record] : []))
    if (records.length === 0) return
    const met = this.#unmet
    this.#unmet = []
    await this.#market.meet(met, records)
  }

  #progressOf(source: string): Progress {
    const known = this.#progress.get(source)
    if (known !== undefined) return known
    const made = { source, ms: 0 }
    this.#progress.set(source, made)
    return made
  }

  // --- committing ---

  /** Everything since the last commit. The arrays stay the reader's own until `committed`. */
  pending(): {
    rows: Iterable<{ table: Table<unknown>; writes: readonly RowWrite[] }>[]
    feeds: readonly FeedName[]
    outbox: readonly OutboxMessage[]
  } {
    this.#keepRun()
    for (const { source, ms } of this.#progress.values()) if (ms > 0) this.state.progress.set(source, ms)
    if (this.#marketCount > 0) {
      const counted = this.state.counts.get(this.#marketType) ?? 0
      this.state.counts.set(this.#marketType, counted + this.#marketCount)
    }
    this.#marketCount = 0
    return {
      rows: [this.#market.pending(), this.#keyed.pending()],
      feeds: this.#newFeeds,
      outbox: this.#outbox,
    }
  }

  committed(): void {
    this.#market.committed()
    this.#keyed.committed()
    this.#newFeeds = []
    this.#outbox = []
    this.#moved = false
    if (this.#feedCount > FEEDS_MAX) this.follow(this.#processors)
  }
}

function whyForeign({ value, bytes }: LogRecord): string {
  if (bytes !== undefined) return 'its value is not UTF-8 text'
  return value === null ? 'it has no value' : 'it has no run and n in its headers'
}

function marketDataOn(kind: Kind): MarketData {
  return kind === 'trades' ? 'trade' : kind === 'tickers' ? 'ticker' : 'book'
}

function advance(progress: Progress, ms: number): void {
  if (ms > progress.ms) progress.ms = ms
}
