import { type TopicPartition, tpName } from '../../broker/broker.ts'
import { FEED_KINDS, type Kind, kindOf } from '../../models/topics.ts'
import {
  type Claim,
  freshReader,
  idOf,
  type PartitionCommit,
  type ReaderState,
  type Store,
} from '../../store/store.ts'
import type { AnyProcessor, Records } from '../processor.ts'
import { Reader } from './reader.ts'

/** The reader that all processors follow while nothing is wrong. */
export const ALL = 'all'

/** On topics of which kinds a record may lie. */
const KINDS_OF_RECORD: Record<keyof Records, readonly Kind[]> = {
  book: ['books'],
  trade: ['trades'],
  ticker: ['tickers'],
  up: FEED_KINDS,
  mark: FEED_KINDS,
  hole: FEED_KINDS,
  rejection: ['rejections'],
  insight: ['insights'],
}

/** Whether what the processor reads may lie on the topic. */
export function readsTopic({ reads }: AnyProcessor, topic: string): boolean {
  const kind = kindOf(topic)
  return kind !== undefined && KINDS_OF_RECORD[reads].includes(kind)
}

/** A processor that reads by itself: added later, isolated after it threw, or being rebuilt. */
export type Single = {
  readonly reader: Reader
  /** The offset of the record it threw on: it goes up to there and no further. */
  stopAt: number
  parked: boolean
  /** The name of the processor whose shadow table it fills; such a reader never joins the others. */
  readonly rebuilds: string | undefined
}

export type PartitionOptions = {
  readonly store: Store
  readonly lateMaxMs: number
  readonly processors: readonly AnyProcessor[]
}

/** One topic-partition that this runner owns: its epoch, and the readers that move along it. */
export class Partition {
  readonly tp: TopicPartition
  readonly id: number
  readonly epoch: number
  readonly all: Reader
  readonly singles: Single[] = []
  readonly #claim: Claim
  readonly #options: PartitionOptions
  #follow: { processor: string; reader: string }[] = []
  #ended: string[] = []
  #refitted: boolean

  /**
   * `logStart`: where processors that have never read this partition begin. `refitted`: the positions kept did not fit the
   * log and were changed, which is to be committed even where there is nothing to read.
   */
  constructor(claim: Claim, logStart: number, options: PartitionOptions, refitted: boolean) {
    this.#refitted = refitted
    this.tp = { topic: claim.topic, partition: claim.partition }
    this.id = claim.id
    this.epoch = claim.epoch
    this.#claim = claim
    this.#options = options
    const state = claim.readers.find(({ reader }) => reader === ALL) ?? freshReader(ALL, logStart)
    const ours = options.processors.filter((processor) => readsTopic(processor, claim.topic))
    const alone = ours.filter((processor) => this.#readsAlone(processor, state, logStart))
    this.all = this.#reader(
      state,
      ours.filter((processor) => !alone.includes(processor)),
      claim.readers.length === 0,
    )
    for (const { name } of this.all.processors) {
      if (claim.processors.get(name) !== ALL) this.#follow.push({ processor: name, reader: ALL })
    }
    for (const processor of alone) this.#addSingle(this.#ownState(processor, logStart), processor)
    // A rebuild that a crash cut short begins anew: its request is still there.
    for (const { reader } of claim.readers) if (reader.startsWith('rebuild:')) this.#ended.push(reader)
  }

  #readsAlone(processor: AnyProcessor, all: ReaderState, logStart: number): boolean {
    const follows = this.#claim.processors.get(processor.name)
    return follows === undefined ? all.position > logStart : follows !== ALL
  }

  #ownState(processor: AnyProcessor, logStart: number): ReaderState {
    const name = `only:${processor.name}`
    return this.#claim.readers.find(({ reader }) => reader === name) ?? freshReader(name, logStart)
  }

  /** `isFresh`: no row of these processors was ever written for this partition. */
  #reader(state: ReaderState, processors: readonly AnyProcessor[], isFresh = false): Reader {
    const { store, lateMaxMs } = this.#options
    const { id, topic, partition, logId } = this.#claim
    const about = { partition: id, topic, partitionNumber: partition, logId, kind: kindOf(topic)! }
    return new Reader(state, processors, { ...about, store, lateMaxMs, idOf }, isFresh)
  }

  #addSingle(state: ReaderState, processor: AnyProcessor, stopAt = Number.MAX_SAFE_INTEGER): Single {
    const single = { reader: this.#reader(state, [processor]), stopAt, parked: false, rebuilds: undefined }
    this.singles.push(single)
    this.#follow.push({ processor: processor.name, reader: state.reader })
    return single
  }

  get name(): string {
    return tpName(this.tp)
  }

  readers(): Reader[] {
    return [this.all, ...this.singles.map(({ reader }) => reader)]
  }

  get moved(): boolean {
    const changed = this.#refitted || this.#follow.length > 0 || this.#ended.length > 0
    return changed || this.readers().some(({ moved }) => moved)
  }

  positions(): PartitionCommit {
    const readers = this.readers().map(({ state }) => state)
    const { id, epoch } = this
    const { logId } = this.#claim
    return { id, epoch, logId, readers, follow: this.#follow, ended: this.#ended }
  }

  committed(): void {
    for (const reader of this.readers()) reader.committed()
    this.#follow = []
    this.#ended = []
    this.#refitted = false
  }

  /** Whether everything before `offset` is done by all that are not parked. */
  hasReached(offset: number): boolean {
    const { singles, all } = this
    return (
      all.state.position >= offset &&
      singles.every(({ reader, parked }) => parked || reader.state.position >= offset)
    )
  }

  /**
   * `processor` threw at `stopAt`: it loses what `reader` has not committed of it, and goes by itself from there up to
   * that record.
   */
  async isolate(reader: Reader, processor: AnyProcessor, stopAt: number): Promise<void> {
    const committed = await this.#options.store.readerState(this.id, reader.state.reader)
    if (committed === undefined) throw new Error(`reader ${reader.state.reader} was never committed`)
    const at = this.singles.findIndex((single) => single.reader === reader)
    if (at === -1) reader.drop(processor)
    else this.singles.splice(at, 1)
    // Under its new name every run is new to the store.
    const runsMoved = new Set(committed.runs.keys())
    const name = `only:${processor.name}`
    const kept = name === committed.reader ? committed.kept : null
    this.#addSingle({ ...committed, reader: name, kept, runsMoved }, processor, stopAt)
  }

  /** A reader from the log's start for `shadow`, which fills a table of its own. */
  rebuild(name: string, shadow: AnyProcessor, logStart: number): void {
    const reader = this.#reader(freshReader(`rebuild:${name}`, logStart), [shadow], true)
    this.singles.push({ reader, stopAt: Number.MAX_SAFE_INTEGER, parked: false, rebuilds: name })
  }

  /** The reader is not needed any more. Nothing of the partition may be uncommitted. */
  end(single: Single): void {
    this.singles.splice(this.singles.indexOf(single), 1)
    this.#ended.push(single.reader.state.reader)
  }

  /** From now on `processor` follows the others, counting on from `reader`; a reader of its own ends. Nothing may be uncommitted. */
  join(processor: AnyProcessor, reader: Reader): void {
    this.all.countOn(processor, reader)
    const own = this.singles.find(
      (single) => single.rebuilds === undefined && single.reader.processors.includes(processor),
    )
    if (own === undefined) {
      this.all.follow(this.all.processors)
      return
    }
    this.end(own)
    this.#follow.push({ processor: processor.name, reader: ALL })
    this.all.follow([...this.all.processors, processor])
  }
}
