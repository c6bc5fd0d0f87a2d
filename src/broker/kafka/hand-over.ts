import type { ConsumeOptions, LogRecord } from '../broker.ts'
import type { Place } from './places.ts'
import { logRecords } from './records.ts'
import type { FetchedBatch } from './session.ts'

const BATCH_RECORDS_MAX = 1_000

/** Hands what was fetched to the caller, in the sizes that he asked for, from where he stands. */
export class HandOver {
  readonly #options: ConsumeOptions
  readonly #recordsMax: number
  readonly #monotonicMs: () => number
  readonly #failed: (error: unknown) => void
  readonly #heartbeatErrors = new WeakSet<object>()
  /** Whether the caller is at work on a batch. */
  isBusy = false
  /** When the last batch was done with. */
  heardAtMs: number

  /** `failed` is told what a batch was refused with; the consumer has to end then. */
  constructor(options: ConsumeOptions, monotonicMs: () => number, failed: (error: unknown) => void) {
    this.#options = options
    this.#recordsMax = options.batchRecordsMax ?? BATCH_RECORDS_MAX
    this.#monotonicMs = monotonicMs
    this.#failed = failed
    this.heardAtMs = monotonicMs()
  }

  /**
   * A fetched batch, as long as `currentPlace` answers the same and nobody seeks or pauses. Rejects with errors of
   * heartbeats only, which kafkajs must see: what was not done then is fetched again, by whoever has the partition.
   */
  async batch(batch: FetchedBatch, currentPlace: () => Place | undefined): Promise<void> {
    const place = currentPlace()
    if (place === undefined || place.paused || batch.isStale()) return
    const heartbeat = () => this.#beat(batch)
    const records = batch.records.filter(({ offset }) => Number(offset) >= place.offset)
    if (records.length === 0) return batch.resolve(place.offset - 1)
    for (let from = 0; from < records.length; from += this.#recordsMax) {
      const part = logRecords(records.slice(from, from + this.#recordsMax))
      const wentOn = await this.records(place, part, heartbeat)
      if (!wentOn || currentPlace() !== place) return
      batch.resolve(place.offset - 1)
      if (place.paused) return
      await heartbeat()
    }
  }

  /** One batch for the caller. Answers whether the place is now behind it: not if it was refused, or somebody sought. */
  async records(
    place: Place,
    records: readonly LogRecord[],
    heartbeat: () => Promise<void>,
  ): Promise<boolean> {
    const [before, behind] = [place.offset, records.at(-1)!.offset + 1]
    // Before the call, so that a seek within it stands.
    place.offset = behind
    this.isBusy = true
    try {
      await this.#options.onBatch(place.tp, records, { heartbeat })
    } catch (error) {
      if (place.offset === behind) place.offset = before
      if (this.#isOfHeartbeat(error)) throw error
      this.#failed(error)
      return false
    } finally {
      this.isBusy = false
      this.heardAtMs = place.heardAtMs = this.#monotonicMs()
    }
    return place.offset === behind
  }

  async #beat(batch: FetchedBatch): Promise<void> {
    try {
      await batch.heartbeat()
    } catch (error) {
      if (typeof error === 'object' && error !== null) this.#heartbeatErrors.add(error)
      throw error
    }
  }

  /** Whether a heartbeat rejected with it, or it was caused by one that did. */
  #isOfHeartbeat(error: unknown): boolean {
    if (typeof error !== 'object' || error === null) return false
    return this.#heartbeatErrors.has(error) || ('cause' in error && this.#isOfHeartbeat(error.cause))
  }
}
