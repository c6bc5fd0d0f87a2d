import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { inFolder } from '../measuring.ts'
import { type BenchRow, median } from '../row.ts'
import { bareKafka, openBareProducer } from './bare.ts'
import { type Batch, bookBatches, TOPIC } from './books.ts'
import type { FollowerTask, ReachedReport } from './latency-follower.ts'
import { openOurProducer } from './ours.ts'

export type LatencyOptions = {
  readonly brokers: readonly string[]
  readonly dir: string
  readonly rounds: number
  readonly liveSeconds: number
}

const RECORDS_A_SECOND = 1_000
/** What comes within so long is handed over as one call, to both. */
const CALL_MS = 10
/** Published before what is counted, so that connections and code are warm on both sides. */
const WARM_UP_SECONDS = 2
/** As `run-processors.ts` commits while live. */
const COMMIT_MS = 100
/** It reads the whole topic first; on a busy machine that takes a minute. */
const SILENT_MS_MAX = 300_000
/** Bound: so many times the echo's, and one commit interval. */
const TIMES_ECHO = 3

type Who = FollowerTask['who']
type Latency = { readonly p50Ms: number; readonly p99Ms: number }

/**
 * From the call of `publish` in one process to the committed row in another, beside an echo: a bare kafkajs producer, and a
 * bare consumer in another process that parses and is done. Both followers have read the whole topic before, and both
 * producers get ten records every ten milliseconds. Ours waits LINGER_MS for more, as it does by default. The echo's sends
 * at once, and what comes while a send is under way goes together with the next: it never waits for anything but Kafka.
 */
export async function latencyRow(options: LatencyOptions): Promise<BenchRow> {
  const all: Record<Who, Latency[]> = { bare: [], ours: [] }
  for (let round = 0; round < options.rounds; round++) {
    for (const who of ['bare', 'ours'] as const) {
      all[who].push(await inFolder(options.dir, (dir) => latency(who, { ...options, dir })))
    }
  }
  const of = (who: Who, field: keyof Latency) => median(all[who].map((run) => run[field]))
  const [echo, ours] = [of('bare', 'p99Ms'), of('ours', 'p99Ms')]
  const allowed = TIMES_ECHO * echo + COMMIT_MS
  const ms = (value: number) => `${value.toFixed(1)} ms`
  return {
    name: `publish to committed row, p99 at ${RECORDS_A_SECOND} books/s`,
    value: Math.round(ours * 10) / 10,
    unit: 'ms',
    reference: `${TIMES_ECHO} x the p99 of a bare echo, ${ms(echo)}, + a commit every ${COMMIT_MS} ms (p50: ${ms(of('ours', 'p50Ms'))} beside ${ms(of('bare', 'p50Ms'))})`,
    ratio: ours / allowed,
    bound: '<= 1',
    holds: ours <= allowed,
  }
}

let runs = 0

async function latency(who: Who, options: LatencyOptions): Promise<Latency> {
  const { brokers, dir, liveSeconds } = options
  const before = await endOffsets(brokers)
  const records = [...before.values()].reduce((sum, end) => sum + end, 0)
  const run = `latency-${++runs}`
  const task: FollowerTask = { who, brokers, dir, topic: TOPIC, group: run, records }
  const follower = fork(fileURLToPath(new URL('./latency-follower.js', import.meta.url)), [
    JSON.stringify(task),
  ])
  try {
    await heard(follower)
    const producer = await (who === 'bare' ? openEcho(brokers) : openOurProducer({ brokers, dir }))
    const warmUp = WARM_UP_SECONDS * RECORDS_A_SECOND
    const live = warmUp + liveSeconds * RECORDS_A_SECOND
    const calls = [...bookBatches(live, { run, first: records, batch: (RECORDS_A_SECOND * CALL_MS) / 1_000 })]
    const publishedNs = await publishSteadily(calls, (records) => producer.publish(records), before)
    await producer.close()
    follower.send({ until: records + live })
    return figures(publishedNs, (await heard(follower)) as ReachedReport, warmUp)
  } finally {
    if (follower.connected) {
      follower.disconnect()
      await once(follower, 'exit')
    }
  }
}

type Echo = { publish(records: Batch): Promise<void>; close(): Promise<void> }

/** One send for each call would wait for all those before it as soon as a send takes longer than calls are apart. */
async function openEcho(brokers: readonly string[]): Promise<Echo> {
  const producer = await openBareProducer(bareKafka(brokers))
  let waiting: Batch[] = []
  let turn: Promise<void> = Promise.resolve()
  return {
    publish(records) {
      waiting.push(records)
      turn = turn.then(async () => {
        const together = waiting.flat()
        waiting = []
        if (together.length > 0) await producer.publish(together)
      })
      return turn
    },
    close: () => producer.close(),
  }
}

/** When each record was handed over, by partition and offset: nobody else writes to the topic. */
type Published = Map<number, { readonly first: number; readonly atNs: number[] }>

async function publishSteadily(
  calls: readonly Batch[],
  publish: (records: Batch) => Promise<void>,
  before: ReadonlyMap<number, number>,
): Promise<Published> {
  const published: Published = new Map(
    [...before].map(([partition, first]) => [partition, { first, atNs: [] }]),
  )
  const acknowledged: Promise<void>[] = []
  const startedMs = performance.now()
  for (const [i, call] of calls.entries()) {
    const waitMs = startedMs + i * CALL_MS - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    const nowNs = Number(process.hrtime.bigint())
    for (const { partition } of call) published.get(partition)!.atNs.push(nowNs)
    acknowledged.push(publish(call))
  }
  await Promise.all(acknowledged)
  return published
}

/** A record is through when the first report reaches beyond its offset. */
function figures(published: Published, { reached }: ReachedReport, warmUpRecords: number): Latency {
  const startNs = [...published.values()].flatMap(({ atNs }) => atNs).sort((a, b) => a - b)[warmUpRecords]!
  const delaysMs: number[] = []
  for (const [partition, { first, atNs }] of published) {
    const reports = reached.filter((report) => report.partition === partition)
    let at = 0
    for (const [i, sentNs] of atNs.entries()) {
      while (reports[at]!.position <= first + i) at++
      if (sentNs >= startNs) delaysMs.push((reports[at]!.atNs - sentNs) / 1e6)
    }
  }
  delaysMs.sort((a, b) => a - b)
  return { p50Ms: median(delaysMs), p99Ms: delaysMs[Math.ceil(delaysMs.length * 0.99) - 1]! }
}

async function endOffsets(brokers: readonly string[]): Promise<Map<number, number>> {
  const admin = bareKafka(brokers).admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(TOPIC)
  await admin.disconnect()
  return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
}

/** The next message of the follower. Rejects where it ends instead, or says nothing for too long. */
async function heard(follower: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(SILENT_MS_MAX)])
  const ended = once(follower, 'exit', { signal }).then(([code]) => {
    throw new Error(`the follower ended with ${code}`)
  })
  const message = once(follower, 'message', { signal })
  try {
    const [content] = (await Promise.race([message, ended])) as unknown[]
    return content
  } finally {
    over.abort()
    await Promise.allSettled([message, ended])
  }
}
