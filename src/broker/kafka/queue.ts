import { type OutgoingRecord, tpName } from '../broker.ts'
import { batchBytes, type SendPart } from './sender.ts'

export type SendLimits = {
  /** Of one send. A record that is larger than `bytesMax` by itself goes alone. */
  readonly recordsMax: number
  readonly bytesMax: number
}

/** One call of `publish`, from when it is accepted until it is settled. */
export type KafkaCall = {
  readonly records: readonly OutgoingRecord[]
  readonly timestamp: string
  /** Of each record, and of all. */
  readonly sizes: readonly number[]
  readonly bytes: number
  readonly sinceMs: number
  /** How many of the records are sent, and how many of them acknowledged. */
  sent: number
  acknowledged: number
  settled: boolean
  resolve(): void
  reject(error: Error): void
}

/** What one send takes of one call. */
export type Part = SendPart & { readonly call: KafkaCall }

type Send = { records: number; bytes: number; bytesMax: number }

/** Calls in the order in which they came, cut into sends. */
export class KafkaQueue {
  readonly #limits: SendLimits
  readonly #batchBytesMax: (topic: string) => number | undefined
  #calls: KafkaCall[] = []
  #first = 0
  #unsentRecords = 0
  #unsentBytes = 0
  waitingBytes = 0

  constructor(limits: SendLimits, batchBytesMax: (topic: string) => number | undefined) {
    this.#limits = limits
    this.#batchBytesMax = batchBytesMax
  }

  get hasUnsent(): boolean {
    return this.#unsentRecords > 0
  }

  /** Whether another record would not change the next send. */
  get isFull(): boolean {
    return this.#unsentRecords >= this.#limits.recordsMax || this.#unsentBytes >= this.#limits.bytesMax
  }

  /** When the oldest call with anything unsent came. */
  get oldestMs(): number {
    return this.#calls[this.#first]?.sinceMs ?? 0
  }

  /** Resolves when all of the records were acknowledged. */
  add(records: readonly OutgoingRecord[], timestamp: string, sinceMs: number): Promise<void> {
    const sizes = records.map(batchBytes)
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    this.#unsentRecords += records.length
    this.#unsentBytes += bytes
    this.waitingBytes += bytes
    return new Promise((resolve, reject) => {
      this.#calls.push({
        records,
        timestamp,
        sizes,
        bytes,
        sinceMs,
        sent: 0,
        acknowledged: 0,
        settled: false,
        resolve,
        reject,
      })
    })
  }

  /** The next send: at least one message, and as many in order as the limits allow. */
  take(): Part[] {
    const parts: Part[] = []
    const send = { records: 0, bytes: 0, bytesMax: this.#limits.bytesMax }
    for (; this.#first < this.#calls.length; this.#first++) {
      const call = this.#calls[this.#first]!
      if (call.settled) continue
      const { records, timestamp } = call
      const from = call.sent
      while (call.sent < records.length && this.#fits(call, send)) call.sent++
      if (call.sent > from) parts.push({ call, timestamp, records: records.slice(from, call.sent) })
      if (call.sent < records.length) break
    }
    return parts
  }

  /** All that goes to one partition becomes one batch there, so a send is never larger than the smallest of its topics takes. */
  #fits({ records, sizes, sent }: KafkaCall, send: Send): boolean {
    const bytes = sizes[sent]!
    const topicBytesMax = this.#batchBytesMax(records[sent]!.topic) ?? Number.POSITIVE_INFINITY
    const bytesMax = Math.min(send.bytesMax, topicBytesMax)
    const isTooMuch = send.records === this.#limits.recordsMax || send.bytes + bytes > bytesMax
    if (isTooMuch && send.records > 0) return false
    send.records++
    send.bytes += bytes
    send.bytesMax = bytesMax
    this.#unsentRecords--
    this.#unsentBytes -= bytes
    return true
  }

  acknowledge({ call, records }: Part): void {
    call.acknowledged += records.length
    if (call.settled || call.acknowledged < call.records.length) return
    this.#settle(call)
    call.resolve()
  }

  rejectAll(error: Error): void {
    for (const call of this.#calls) this.#reject(call, error)
  }

  /** Rejects a call and, in order, every later one that shares a partition with one that was rejected. */
  rejectBehind(failed: KafkaCall, error: Error): void {
    const partitions = new Set<string>()
    for (const call of this.#calls.slice(this.#calls.indexOf(failed))) {
      const names = call.records.map(tpName)
      if (call !== failed && !names.some((name) => partitions.has(name))) continue
      for (const name of names) partitions.add(name)
      this.#reject(call, error)
    }
  }

  #reject(call: KafkaCall, error: Error): void {
    if (call.settled) return
    for (let i = call.sent; i < call.records.length; i++) {
      this.#unsentRecords--
      this.#unsentBytes -= call.sizes[i]!
    }
    this.#settle(call)
    call.reject(error)
  }

  #settle(call: KafkaCall): void {
    call.settled = true
    this.waitingBytes -= call.bytes
  }

  /** Forgets what is settled. */
  clean(): void {
    this.#calls = this.#calls.filter(({ settled }) => !settled)
    this.#first = 0
  }
}
