import { setImmediate as letOthersRun } from 'node:timers/promises'
import { type Broker, type Consumer, type LogRecord, type TopicPartition, tpName } from '../broker/broker.ts'
import { EngineError } from '../models/engine-error.ts'
import type { OutboxMessage } from '../models/outbox-message.ts'
import { allTopics } from '../models/topics.ts'
import type { Store } from '../store/store.ts'
import type { AnyProcessor } from './processor.ts'
import { CaughtUp, endsOf } from './running/caught-up.ts'
import { claimPartitions } from './running/claim-partitions.ts'
import { commitOf, isWorthCommitting } from './running/commit-of.ts'
import { CommitPace, LIVE_MS } from './running/commit-pace.ts'
import { noteGap } from './running/losses.ts'
import type { Partition, Single } from './running/partition.ts'
import type { Failure, Reader } from './running/reader.ts'
import { Rebuilds } from './running/rebuilds.ts'

/**
 * Everything hard, once: reads every topic in order, hands each record to the processors, commits rows and positions
 * together, drops what came twice, fences zombies, lets a broken processor stop alone, and lets a new one, or one being
 * rebuilt, catch up while the others go on.
 *
 *   log ──► main consumer ──► reader `all` of each partition ──┐
 *   log ──► catch-up reads ──► readers of single processors ───┴──► one commit: rows, positions, outbox
 */

/** Records applied before the clock is looked at: about two milliseconds of work. */
const SLICE_RECORDS = 256
/** The event loop is never held longer than this between two yields. */
const SLICE_MS = 12
const BATCH_RECORDS = 1_000
/** A batch this large says that there is more where it came from: live, records come in handfuls. */
const CATCH_UP_RECORDS = 500
/** How often the broker is told positions (for its lag tools only), rebuild requests are looked for, old samples dropped. */
const HOUSEKEEPING_MS = 1_000

export type RunnerLog = {
  info(about: object, text: string): void
  warn(about: object, text: string): void
  error(about: object, text: string): void
}

export type RunnerOptions = {
  readonly broker: Broker
  readonly store: Store
  readonly processors: readonly AnyProcessor[]
  readonly group: string
  readonly lateMaxMs: number
  readonly monotonicMs: () => number
  readonly log: RunnerLog
  /** Go on with a log that is not the one the positions belong to; otherwise that stops the runner. */
  readonly acceptLog?: boolean
  /** Records a read; tests try others. */
  readonly batchRecordsMax?: number
  /** Called after every commit that told the outbox something. */
  readonly onOutbox?: () => void
  /** Asked once a second; what it rejects with ends the runner. */
  readonly check?: () => Promise<void>
}

export type Runner = {
  /** Resolves when `close` is through, rejects with what broke the runner. */
  readonly done: Promise<void>
  /**
   * Resolves when everything that was on the log when it was called is committed by all that are not parked: of the
   * partitions that are ours, where others share the work.
   */
  caughtUp(): Promise<void>
  /** Whether this runner has the partition now. Another may have claimed it a moment ago. */
  owns(tp: TopicPartition): boolean
  /** Processors that stand at a record they threw on. */
  parked(): { readonly processor: string; readonly partition: string; readonly offset: number }[]
  /** Stops reading, commits, and lets go. The store and the broker stay open. */
  close(): Promise<void>
}

export async function runProcessors(options: RunnerOptions): Promise<Runner> {
  const runner = new ProcessorRunner(options)
  await runner.start()
  return runner
}

class ProcessorRunner implements Runner {
  readonly #options: RunnerOptions
  readonly #partitions = new Map<string, Partition>()
  readonly #rebuilds: Rebuilds
  #consumer: Consumer | undefined
  #queue: Promise<unknown> = Promise.resolve()
  readonly #pace: CommitPace
  #yieldedAtMs: number
  #untold = false
  #commitTimer: NodeJS.Timeout | undefined
  #housekeeping: NodeJS.Timeout | undefined
  readonly #caughtUp = new CaughtUp()
  #catchingUp = false
  #closed = false
  #torn = false
  #broke!: (error: unknown) => void
  readonly #broken: Promise<never>
  done: Promise<void> = Promise.resolve()

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#rebuilds = new Rebuilds(options)
    this.#yieldedAtMs = options.monotonicMs()
    this.#pace = new CommitPace(this.#yieldedAtMs)
    this.#broken = new Promise((_, reject) => {
      this.#broke = reject
    })
    this.#broken.catch(() => undefined)
  }

  async start(): Promise<void> {
    const { broker, store, processors, group } = this.#options
    await store.ensureTables(processors.map(({ table }) => table))
    this.#consumer = await broker.consume({
      topics: allTopics(),
      group,
      batchRecordsMax: this.#options.batchRecordsMax ?? BATCH_RECORDS,
      onAssigned: (tps) => this.#exclusively(() => this.#assigned(tps)),
      onLost: (tps) => this.#exclusively(() => this.#lost(tps)),
      onBatch: (tp, records, { heartbeat }) => this.#exclusively(() => this.#batch(tp, records, heartbeat)),
    })
    this.done = Promise.race([this.#consumer.done, this.#broken])
    this.done.catch(() => undefined)
    this.#housekeeping = setInterval(() => this.#inBackground(() => this.#keepHouse()), HOUSEKEEPING_MS)
    this.#startCatchUp()
  }

  caughtUp(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.done.then(() => reject(new EngineError('closed', 'the processors have stopped')), reject)
      endsOf(this.#options.broker).then((ends) => {
        this.#caughtUp.wait(ends, resolve)
        this.#inBackground(() => this.#commit())
      }, reject)
    })
  }

  owns(tp: TopicPartition): boolean {
    return this.#partitions.has(tpName(tp))
  }

  parked(): { processor: string; partition: string; offset: number }[] {
    return [...this.#partitions].flatMap(([name, partition]) =>
      partition.singles
        .filter(({ parked }) => parked)
        .map(({ reader }) => ({
          processor: reader.processors[0]?.name ?? reader.state.reader,
          partition: name,
          offset: reader.state.position,
        })),
    )
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#housekeeping)
    clearTimeout(this.#commitTimer)
    await this.#consumer?.close()
    await this.#queue
  }

  // --- one thing at a time ---

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(work)
    this.#queue = run.catch(() => undefined)
    return run
  }

  #inBackground(work: () => Promise<void>): void {
    this.#exclusively(work).catch((error) => this.#broke(error))
  }

  // --- assignment ---

  async #assigned(tps: readonly TopicPartition[]): Promise<Map<string, number>> {
    const claimed = await claimPartitions(tps, this.#options)
    for (const partition of claimed) this.#partitions.set(tpName(partition.tp), partition)
    await this.#commit()
    if (this.#options.broker.sharesPartitions) this.#sayShare(claimed)
    return new Map(claimed.map((partition) => [tpName(partition.tp), partition.all.state.position]))
  }

  #sayShare(claimed: readonly Partition[]): void {
    const partitions = claimed.map(({ name }) => name)
    this.#options.log.info({ partitions }, `reads ${partitions.length} partitions now`)
  }

  async #lost(tps: readonly TopicPartition[]): Promise<void> {
    await this.#commit()
    await this.#tellBroker()
    for (const tp of tps) this.#letGo(tpName(tp))
  }

  #letGo(name: string): void {
    const partition = this.#partitions.get(name)
    if (partition === undefined) return
    this.#rebuilds.lost(partition)
    this.#partitions.delete(name)
  }

  // --- reading ---

  async #batch(
    tp: TopicPartition,
    records: readonly LogRecord[],
    heartbeat: () => Promise<void>,
  ): Promise<void> {
    const partition = this.#partitions.get(tpName(tp))
    if (partition === undefined) return
    await noteGap(partition, records, this.#options)
    await this.#apply(partition, partition.all, records, records.length, heartbeat)
    await this.#commitWhenDue(records.length >= CATCH_UP_RECORDS)
    this.#startCatchUp()
  }

  async #apply(
    partition: Partition,
    reader: Reader,
    records: readonly LogRecord[],
    to: number,
    heartbeat: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    for (let from = 0; from < to; from += SLICE_RECORDS) {
      const failures = await this.#applySlice(reader, records, from, Math.min(to, from + SLICE_RECORDS))
      if (failures.length > 0) await this.#isolate(partition, reader, failures)
      if (failures.length > 0 && reader !== partition.all) return
      if (isWorthCommitting(reader.waiting)) await this.#commit()
      if (this.#options.monotonicMs() - this.#yieldedAtMs >= SLICE_MS) await this.#breathe(heartbeat)
    }
  }

  /** A reader that broke off half-way has counted records it never merged: nothing may be committed any more. */
  async #applySlice(
    reader: Reader,
    records: readonly LogRecord[],
    from: number,
    to: number,
  ): Promise<readonly Failure[]> {
    try {
      return await reader.apply(records, from, to)
    } catch (error) {
      this.#torn = true
      throw error
    }
  }

  async #breathe(heartbeat: () => Promise<void>): Promise<void> {
    await letOthersRun()
    await heartbeat()
    this.#yieldedAtMs = this.#options.monotonicMs()
  }

  /** Each processor that threw leaves the reader and stands alone, from its last commit up to the record it cannot pass. */
  async #isolate(partition: Partition, reader: Reader, failures: readonly Failure[]): Promise<void> {
    const messages: OutboxMessage[] = []
    for (const { processor, offset, error } of failures) {
      if (await this.#rebuilds.failed(reader, processor, error)) continue
      messages.push(this.#parkedMessage(partition.tp, processor.name, offset, error))
      await partition.isolate(reader, processor, offset)
    }
    // Only now: until the last of them has left, the reader holds rows that must not be committed.
    await this.#commit(messages)
    this.#startCatchUp()
  }

  #parkedMessage(tp: TopicPartition, processor: string, offset: number, error: unknown): OutboxMessage {
    const partition = tpName(tp)
    this.#options.log.error(
      { processor, partition, offset, err: error },
      `${processor} threw at ${partition}@${offset}: it is parked there, the others go on`,
    )
    return {
      id: `parked:${processor}:${partition}@${offset}`,
      kind: 'parked',
      payload: { processor, ...tp, offset, message: String(error) },
    }
  }

  /** Lets readers of single processors come up to the others, in turn with live batches. */
  #startCatchUp(): void {
    if (this.#catchingUp || this.#closed || !this.#behind().length) return
    this.#catchingUp = true
    const step = async (): Promise<void> => {
      const [next] = this.#behind()
      if (next === undefined || this.#closed) {
        this.#catchingUp = false
        return
      }
      await this.#exclusively(() => this.#catchUp(next.partition, next.single))
      setImmediate(() => step().catch((error) => this.#broke(error)))
    }
    step().catch((error) => this.#broke(error))
  }

  #behind(): { partition: Partition; single: Single }[] {
    return [...this.#partitions.values()].flatMap((partition) =>
      partition.singles.filter(({ parked }) => !parked).map((single) => ({ partition, single })),
    )
  }

  async #catchUp(partition: Partition, single: Single): Promise<void> {
    const { reader } = single
    const stop = Math.min(partition.all.state.position, single.stopAt)
    if (reader.state.position < stop) {
      const records = await this.#options.broker.read(partition.tp, reader.state.position, BATCH_RECORDS)
      const beyond = records.findIndex(({ offset }) => offset >= stop)
      // Retention may take what is still to be read, and then nothing would ever bring the reader to its stop.
      if (beyond === 0) reader.passOver(stop)
      await this.#apply(partition, reader, records, beyond === -1 ? records.length : beyond)
    }
    if (!partition.singles.includes(single)) return
    if (reader.state.position < stop) return this.#commitWhenDue(true)
    await this.#commit()
    if (reader.state.position >= single.stopAt) single.parked = true
    else if (single.rebuilds === undefined) partition.join(reader.processors[0]!, reader)
    else if (!(await this.#rebuilds.arrived(partition, single))) return this.#fenced([partition.id], [])
    await this.#commit()
  }

  // --- committing ---

  async #commitWhenDue(catchingUp: boolean): Promise<void> {
    const leftMs = this.#pace.leftMs(catchingUp, this.#options.monotonicMs())
    if (leftMs <= 0) return this.#commit()
    if (this.#closed) return
    // While catching up it is set anew by every batch: it fires when they have stopped coming.
    clearTimeout(this.#commitTimer)
    const waitMs = catchingUp ? LIVE_MS : leftMs
    this.#commitTimer = setTimeout(() => this.#inBackground(() => this.#commit()), waitMs)
  }

  async #commit(more: readonly OutboxMessage[] = []): Promise<void> {
    if (this.#torn) return
    const begunAtMs = this.#options.monotonicMs()
    const moved = [...this.#partitions.values()].filter((partition) => partition.moved)
    if (moved.length > 0 || more.length > 0) {
      await letOthersRun()
      const commit = commitOf(moved, more)
      const { fenced } = await this.#options.store.commit(commit)
      if (fenced.length > 0) return this.#fenced(fenced, more)
      for (const partition of moved) partition.committed()
      if (commit.outbox.length > 0) this.#options.onOutbox?.()
    }
    await letOthersRun()
    this.#yieldedAtMs = this.#options.monotonicMs()
    this.#pace.committed(begunAtMs, this.#yieldedAtMs, moved.length > 0)
    this.#untold = this.#untold || moved.length > 0
    this.#caughtUp.settle(this.#partitions)
  }

  /** Somebody else claimed partitions of ours: what we made of them is dropped, the rest is committed without them. */
  async #fenced(ids: readonly number[], more: readonly OutboxMessage[]): Promise<void> {
    for (const [name, partition] of this.#partitions) {
      if (!ids.includes(partition.id)) continue
      this.#options.log.warn(
        { partition: name },
        `${name} was claimed by another processor: this one lets it go`,
      )
      this.#consumer?.pause([partition.tp])
      this.#letGo(name)
    }
    if (this.#partitions.size === 0 && !this.#options.broker.sharesPartitions) {
      throw new EngineError('fenced', 'another processor has claimed every partition of this one', {
        hint: 'run one processor on the embedded log',
      })
    }
    await this.#commit(more)
  }

  async #tellBroker(): Promise<void> {
    if (!this.#untold || this.#torn) return
    this.#untold = false
    const offsets = [...this.#partitions.values()].map(({ tp, all }) => ({
      ...tp,
      offset: all.state.position,
    }))
    if (offsets.length > 0) await this.#options.broker.commitOffsets(this.#options.group, offsets)
  }

  // --- housekeeping ---

  async #keepHouse(): Promise<void> {
    await this.#tellBroker()
    await this.#options.check?.()
    await this.#options.store.applyRetention()
    if (await this.#rebuilds.begin(this.#partitions)) this.#startCatchUp()
  }
}
