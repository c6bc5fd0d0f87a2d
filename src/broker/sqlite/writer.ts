import { setImmediate as nextTick } from 'node:timers/promises'
import type { Logger } from 'pino'
import { EngineError } from '../../models/engine-error.ts'
import type { OutgoingRecord } from '../broker.ts'
import type { Bell } from './bell.ts'
import type { Catalog } from './catalog.ts'
import { isBusy, untilFree } from './errors.ts'
import type { LogFile } from './log-file.ts'
import type { Partition } from './partition.ts'

export type WriterLimits = {
  /**
   * Text that may wait for its commit. Whoever awaits `publish` never gets near it; a producer that does not is refused
   * (`overloaded`) before it fills the memory.
   */
  readonly pendingBytesMax: number
  /** Calls that wait together share one commit up to here: a few milliseconds of writing, so that others get their turn. */
  readonly commitBytesMax: number
  /** How often retention is looked at. */
  readonly retentionEveryMs: number
}

export const WRITER_LIMITS: WriterLimits = {
  pendingBytesMax: 128 * 1024 * 1024,
  commitBytesMax: 8 * 1024 * 1024,
  retentionEveryMs: 60_000,
}

/** One bite of retention: some 4 ms with books of 1.4 KB. */
const DROP_RECORDS_MAX = 1_000

export type Writer = {
  publish(records: readonly OutgoingRecord[]): Promise<void>
  /** Drops at most `recordsMax` records that the topics' settings no longer keep; answers how many it dropped. */
  dropOld(recordsMax: number): number
  /** Waits until all that was handed over is written or refused, and refuses what comes after. */
  close(): Promise<void>
}

type Call = {
  readonly records: readonly OutgoingRecord[]
  readonly bytes: number
  resolve(): void
  reject(error: EngineError): void
}

/**
 * The one writer of this process. Calls of one tick share one transaction and one fsync; a call is written whole or not at
 * all, and answered after the commit. An fsync that failed is never tried again: the kernel may have dropped the pages and
 * would report success. From then on everything is refused, and a restart reads what really is on the disk.
 */
export function openWriter(
  file: LogFile,
  catalog: Catalog,
  bell: Bell,
  about: { nowMs: () => number; log: Logger | undefined; limits: WriterLimits },
): Writer {
  const { db } = file
  const { limits, nowMs } = about
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const rollback = db.prepare('ROLLBACK')
  const waiting: Call[] = []
  let pendingBytes = 0
  let draining: Promise<void> | undefined
  /** Why nothing is written any more. */
  let refusal: EngineError | undefined
  let closed = false
  let retentionDueMs = nowMs() + limits.retentionEveryMs

  async function publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return
    if (closed) throw new EngineError('closed', 'the broker is closed')
    const bytes = checkedBytes(records)
    if (refusal !== undefined) throw refusal
    if (pendingBytes > 0 && pendingBytes + bytes > limits.pendingBytesMax) throw overloaded(limits)
    pendingBytes += bytes
    const written = new Promise<void>((resolve, reject) => waiting.push({ records, bytes, resolve, reject }))
    draining ??= drain()
    return written
  }

  /** Throws for a record that has no place, before anything of its call is written. */
  function checkedBytes(records: readonly OutgoingRecord[]): number {
    try {
      return records.reduce((bytes, record) => {
        catalog.partition(record)
        return bytes + record.value.length
      }, 0)
    } catch (error) {
      throw file.explain(error)
    }
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      await nextTick()
      const calls = takeCalls()
      try {
        await untilFree(file, () => write(calls))
        for (const call of calls) call.resolve()
      } catch (error) {
        fail(calls, file.explain(error))
      }
      pendingBytes -= calls.reduce((sum, call) => sum + call.bytes, 0)
    }
    draining = undefined
  }

  function takeCalls(): Call[] {
    let count = 1
    let bytes = waiting[0]!.bytes
    while (count < waiting.length && bytes + waiting[count]!.bytes <= limits.commitBytesMax) {
      bytes += waiting[count++]!.bytes
    }
    return waiting.splice(0, count)
  }

  function write(calls: readonly Call[]): void {
    if (refusal !== undefined) throw refusal
    file.checkStillThere()
    inTransaction(() => {
      const timeMs = nowMs()
      for (const [partition, records] of byPartition(calls)) partition.append(records, timeMs)
    })
    file.checkStillThere()
    bell.ring()
    dropWhenDue(calls.reduce((count, call) => count + call.records.length, 0))
  }

  function inTransaction<T>(work: () => T): T {
    begin.run()
    try {
      const result = work()
      commit.run()
      return result
    } catch (error) {
      catalog.keys.forgetIds()
      catalog.runs.forgetIds()
      if (db.inTransaction) rollback.run()
      throw error
    }
  }

  /** By table, in order: each is asked once where it ends, and grows at one edge. */
  function byPartition(calls: readonly Call[]): Map<Partition, OutgoingRecord[]> {
    const groups = new Map<Partition, OutgoingRecord[]>()
    for (const { records } of calls) {
      for (const record of records) {
        const partition = catalog.partition(record)
        const group = groups.get(partition)
        if (group === undefined) groups.set(partition, [record])
        else group.push(record)
      }
    }
    return groups
  }

  function fail(calls: readonly Call[], error: EngineError): void {
    refuseAfter(error)
    for (const call of calls) call.reject(error)
  }

  /** A full disk can be emptied and a lock come free; after these nothing on the disk can be believed unread. */
  function refuseAfter(error: EngineError): void {
    if (['disk-failed', 'log-lost', 'log-corrupt'].includes(error.code)) refusal ??= error
  }

  /** At least twice what was just written, so that it keeps up with any producer; the rest after the next commit. */
  function dropWhenDue(written: number): void {
    if (nowMs() < retentionDueMs) return
    const recordsMax = Math.max(DROP_RECORDS_MAX, 2 * written)
    try {
      if (dropOld(recordsMax) < recordsMax) retentionDueMs = nowMs() + limits.retentionEveryMs
    } catch (error) {
      if (isBusy(error)) return
      // What was published is safe; what is too old goes another time.
      const broken = file.explain(error)
      refuseAfter(broken)
      retentionDueMs = nowMs() + limits.retentionEveryMs
      about.log?.warn({ err: broken }, 'old records could not be dropped')
    }
  }

  /** Not synced: should a power cut undo it, it is done again. */
  function dropOld(recordsMax: number): number {
    file.checkStillThere()
    db.pragma('synchronous = NORMAL')
    try {
      return inTransaction(() => dropFrom(recordsMax))
    } finally {
      db.pragma('synchronous = FULL')
    }
  }

  function dropFrom(recordsMax: number): number {
    let dropped = 0
    for (const { topic, partitions, retentionMs, retentionBytes } of catalog.topics()) {
      const before = { timeMs: nowMs() - retentionMs, keepBytes: Math.floor(retentionBytes / partitions) }
      for (const partition of catalog.partitionsOf(topic)) {
        if (dropped >= recordsMax) return dropped
        dropped += partition.drop({ ...before, recordsMax: recordsMax - dropped })
      }
    }
    return dropped
  }

  return {
    publish,
    dropOld,
    async close() {
      closed = true
      await draining
    },
  }
}

function overloaded({ pendingBytesMax }: WriterLimits): EngineError {
  return new EngineError('overloaded', `more than ${pendingBytesMax} bytes wait to be written`, {
    retry: { afterMs: 100 },
    hint: 'Await publish before publishing more, or publish less often and more at once.',
  })
}
