import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { EngineError } from '../models/engine-error.ts'
import type { Broker, OutgoingRecord, TopicSettings } from './broker.ts'
import type { Publishing } from './publisher.ts'
import { openDrain } from './spool/drain.ts'
import { openEpisode, sayPlacedAnew } from './spool/episode.ts'
import { engineError, isRefusal, type LinkLimits, openLink, outcomeOf, within } from './spool/link.ts'
import { firstCounts, type PartitionCounts, placed } from './spool/placing.ts'
import { readSeenCounts, writeSeenCounts } from './spool/seen.ts'
import { recordBytes, type SpooledRecord } from './spool/segment.ts'
import { openSpool, type SpoolFileLimits } from './spool/spool.ts'

export type SpoolingOptions = {
  /** Reaches the far side with its topics in place, or rejects; called again with backoff until `close`. */
  readonly connect: () => Promise<Broker>
  /** `DATA_DIR/spool`: shared by all producers of this data folder, each with a spool of its own. */
  readonly dir: string
  /** Text that may wait. */
  readonly bytesMax: number
  /** So long a call waits for others to go with it (default 0); the far side should then not wait again. */
  readonly lingerMs?: number
  /** What the topics are taken to be while the far side has never been asked. */
  readonly topics: readonly TopicSettings[]
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly log: Logger
  readonly limits?: Partial<SpoolingLimits>
  /** A spool file may not grow beyond so many 16 KiB pages: a full disk, on request. */
  readonly pagesMax?: number
}

export type SpoolingLimits = LinkLimits &
  SpoolFileLimits & {
    /** A start waits so long for a slow far side, so that nothing need be assumed of its topics. */
    readonly startMs: number
    /** What the far side has not answered by then is kept in the spool, so that no poller stands still for it. */
    readonly patienceMs: number
    /** An answer to what is drained may take longer, but a far side that is silent for so long is given up. */
    readonly farMsMax: number
    /** Text that may wait for its turn in memory: some ten seconds of a thousand books each. */
    readonly queueBytesMax: number
    /** While it is away people are told how much waits. */
    readonly sayEveryMs: number
    /** At the end the spool is drained for so long; the rest is left for the next start. */
    readonly closeMs: number
  }

export const SPOOLING_LIMITS: Omit<SpoolingLimits, keyof SpoolFileLimits> = {
  retryMs: 250,
  retryMsMax: 4_000,
  connectMsMax: 30_000,
  disconnectMsMax: 3_000,
  startMs: 5_000,
  patienceMs: 1_000,
  farMsMax: 15_000,
  queueBytesMax: 16 * 1024 * 1024,
  sayEveryMs: 60_000,
  closeMs: 3_000,
}

/** At the bound nothing is taken until so much of it is free again: one long hole rather than many. */
const ROOM_SHARE = 0.1
/** Calls that wait together go together, up to here. */
const ROUND_RECORDS_MAX = 1_000
const ROUND_BYTES_MAX = 512 * 1024

export type SpoolStatus = {
  /** Whether records go to the spool. */
  readonly isSpooling: boolean
  /** What waits in it. */
  readonly records: number
  readonly bytes: number
}

export type SpoolingBroker = Publishing & {
  status(): SpoolStatus
  close(): Promise<void>
}

type Call = {
  readonly records: readonly SpooledRecord[]
  readonly bytes: number
  readonly sinceMs: number
  resolve(): void
  reject(error: EngineError): void
}

/**
 * A hand on a far broker that may be away. What is acknowledged is durable, there or on our own disk; the order per
 * partition is that of the calls, always. Records go straight through while the far side answers and nothing waits;
 * otherwise they go into a spool, behind what is there, and are drained in order when the far side is back.
 *
 * `publish` rejects with `spool-full` (the record is dropped: the caller says so on its topic), with `broker-refused` for
 * what the far side will not have, or with what broke the spool's own disk. Opening rejects with `broker-refused` where the
 * far side turns us away at once (credentials, rights), and with what is wrong with a spool that was left behind.
 */
export async function openSpoolingBroker(options: SpoolingOptions): Promise<SpoolingBroker> {
  const { dir, log, bytesMax, topics, monotonicMs, lingerMs = 0 } = options
  const limits: Omit<SpoolingLimits, keyof SpoolFileLimits> = { ...SPOOLING_LIMITS, ...options.limits }
  const spool = await openSpool({ ...options, limits: options.limits ?? {} })
  const episode = openEpisode({ ...options, spool, sayEveryMs: limits.sayEveryMs })
  const queue: Call[] = []
  let queuedBytes = 0
  let takingIn: Promise<void> | undefined
  let counts: PartitionCounts = new Map()
  let assumed: PartitionCounts = new Map()
  let isFull = false
  /** The spool's own disk has failed: nothing is acknowledged any more. */
  let broken: EngineError | undefined
  let closing: Promise<void> | undefined

  const link = openLink({
    connect: options.connect,
    random: options.random,
    log,
    limits,
    onAway: (error) => episode.away(error),
    greet: async (broker) => {
      const told = new Map((await broker.topics()).map(({ topic, partitions }) => [topic, partitions]))
      if (counts.size === 0) sayPlacedAnew(log, assumed, told)
      counts = firstCounts(counts, told)
      writeSeenCounts(dir, told)
    },
  })
  const place = (records: readonly SpooledRecord[]): OutgoingRecord[] =>
    records.flatMap((record) => placed(record, counts))
  const onBroken = (error: EngineError) => {
    broken = error
    log.error({ code: error.code, hint: error.hint }, error.message)
  }
  const drain = openDrain({ spool, link, place, episode, dir, log, limits, onBroken })

  const failure = await within(link.firstTry, limits.startMs).catch(() => undefined)
  // Wrong from the start is for people to mend; whoever is refused later still has data to keep.
  if (failure !== undefined && isRefusal(failure)) {
    await close()
    throw failure
  }
  if (link.broker === undefined) assumed = assumedCounts(topics, readSeenCounts(dir))

  async function publish(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return
    if (closing !== undefined) throw new EngineError('closed', 'the broker is closed')
    if (broken !== undefined) throw broken
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0)
    if (queuedBytes > 0 && queuedBytes + bytes > limits.queueBytesMax) throw overloaded(limits.queueBytesMax)
    queuedBytes += bytes
    const numbered = assumed.size === 0 ? records : records.map((record) => withAssumption(record, assumed))
    const taken = new Promise<void>((resolve, reject) => {
      queue.push({ records: numbered, bytes, sinceMs: monotonicMs(), resolve, reject })
    })
    takingIn ??= takeIn()
    return taken
  }

  /** One round after another: no call overtakes an earlier one. */
  async function takeIn(): Promise<void> {
    // Calls of one tick go together.
    await Promise.resolve()
    while (queue.length > 0) {
      await linger()
      const calls = takeRound()
      await carry(calls)
      queuedBytes -= calls.reduce((sum, call) => sum + call.bytes, 0)
    }
    takingIn = undefined
  }

  /** While one round is under way the next one's calls have waited already. */
  async function linger(): Promise<void> {
    const waitMs = queue[0]!.sinceMs + lingerMs - monotonicMs()
    if (waitMs > 0 && queuedBytes < ROUND_BYTES_MAX && closing === undefined) await delay(waitMs)
  }

  function takeRound(): Call[] {
    let [count, records, bytes] = [0, 0, 0]
    for (const call of queue) {
      records += call.records.length
      bytes += call.bytes
      if (count > 0 && (records > ROUND_RECORDS_MAX || bytes > ROUND_BYTES_MAX)) break
      count++
    }
    return queue.splice(0, count)
  }

  async function carry(calls: readonly Call[]): Promise<void> {
    if (spool.records > 0) await drain.lastArrival(limits.patienceMs)
    const { broker } = link
    if (broker !== undefined && spool.records === 0) await sendThrough(broker, calls)
    else await keep(calls)
  }

  async function sendThrough(broker: Broker, calls: readonly Call[]): Promise<void> {
    const publishing = broker.publish(place(calls.flatMap(({ records }) => records)))
    const outcome = await outcomeOf(publishing, limits.patienceMs)
    if (outcome === 'acknowledged') {
      link.answered()
      for (const call of calls) call.resolve()
    } else if (outcome === 'late') {
      episode.away(new EngineError('broker-unreachable', `no answer within ${limits.patienceMs} ms`))
      await keep(calls, { broker, publishing })
    } else if (isRefusal(outcome)) {
      await refused(calls, outcome)
    } else {
      link.lost(broker, outcome)
      await keep(calls)
    }
  }

  /** One call's fault must not be another's. */
  async function refused(calls: readonly Call[], error: EngineError): Promise<void> {
    if (calls.length === 1) calls[0]!.reject(error)
    else for (const call of calls) await carry([call])
  }

  /** `late`: these calls are on their way already, and may still arrive. */
  async function keep(
    calls: readonly Call[],
    late?: { broker: Broker; publishing: Promise<void> },
  ): Promise<void> {
    const fitting = takeFitting(calls)
    const records = fitting.flatMap((call) => call.records)
    if (late !== undefined) drain.settleFirst({ ...late, records: records.length })
    try {
      if (records.length > 0) await spool.append(records)
      episode.kept(records.length)
      for (const call of fitting) call.resolve()
    } catch (error) {
      drain.settleFirst(undefined)
      for (const call of fitting) call.reject(spoolError(error, dir))
    }
    drain.wake()
  }

  /** Those there is room for; the others are rejected. */
  function takeFitting(calls: readonly Call[]): Call[] {
    let bytes = spool.bytes
    if (bytes <= bytesMax * (1 - ROOM_SHARE)) isFull = false
    return calls.filter((call) => {
      isFull ||= bytes + call.bytes > bytesMax
      if (isFull) call.reject(spoolFull(dir, bytesMax))
      else bytes += call.bytes
      return !isFull
    })
  }

  async function close(): Promise<void> {
    await takingIn
    await drain.finish(limits.closeMs)
    await link.close()
    await drain.ended
    episode.end()
    await spool.close()
  }

  return {
    publish,
    topics: async () =>
      topics.map(({ topic, partitions }) => ({
        topic,
        partitions: assumed.get(topic) ?? counts.get(topic) ?? partitions,
      })),
    status: () => ({
      isSpooling: spool.records > 0 || link.broker === undefined,
      records: spool.records,
      bytes: spool.bytes,
    }),
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** As last seen, else as configured. */
function assumedCounts(topics: readonly TopicSettings[], seen: PartitionCounts): PartitionCounts {
  return new Map(topics.map(({ topic, partitions }) => [topic, seen.get(topic) ?? partitions]))
}

function withAssumption(record: OutgoingRecord, assumed: PartitionCounts): SpooledRecord {
  const assumedPartitions = assumed.get(record.topic)
  return assumedPartitions === undefined ? record : { ...record, assumedPartitions }
}

function spoolFull(dir: string, bytesMax: number): EngineError {
  return new EngineError('spool-full', `${bytesMax} bytes wait in ${dir}: there is no room for more`, {
    retry: 'yes',
    hint: 'See to the broker: the spool is drained when it is back. SPOOL_BYTES says how much may wait.',
  })
}

/** A full disk is the spool's bound come early: it can be emptied, and then there is room again. */
function spoolError(error: unknown, dir: string): EngineError {
  if (!(error instanceof EngineError) || error.code !== 'disk-full') return engineError(error)
  return new EngineError('spool-full', `the disk that holds ${dir} is full: ${error.message}`, {
    retry: 'yes',
    hint: error.hint ?? '',
    cause: error,
  })
}

function overloaded(queueBytesMax: number): EngineError {
  return new EngineError('overloaded', `more than ${queueBytesMax} bytes wait to be taken in`, {
    retry: { afterMs: 100 },
    hint: 'Await publish before publishing more, or publish less often and more at once.',
  })
}
