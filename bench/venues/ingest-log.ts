import { openSqliteBroker, type SqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { VENUES } from '../../src/models/scalars.ts'
import { booksTopic, FEED_KINDS, feedTopic } from '../../src/models/topics.ts'

/** What lies on the log of an `ingest`: how much came when, and how long it had been on its way. */

/** Milliseconds from what a venue stamps, and from what we received, to what is durable. */
export type Lag = { readonly stamped: Quantiles; readonly received: Quantiles }
export type Quantiles = { readonly p50: number; readonly p99: number }

/** A stretch of time of the clock that stamps records as they are appended. */
export type Stretch = { readonly fromMs: number; readonly toMs: number }

const READ_RECORDS_MAX = 5_000
const BOOK = '{"type":"book"'

/** Opens the log in `dir` once its writer has made it. */
export function openLog(dir: string): Promise<SqliteBroker> {
  return openSqliteBroker({ dir, nowMs: Date.now, random: Math.random })
}

/** How many products had a book appended within the stretch. */
export async function productsWithBooks(broker: SqliteBroker, stretch: Stretch): Promise<number> {
  const products = new Set<string>()
  await eachBook(broker, stretch, (_, __, key) => products.add(key))
  return products.size
}

/** Records of every kind appended within the stretch, by a second. */
export async function recordsPerSecond(broker: SqliteBroker, { fromMs, toMs }: Stretch): Promise<number> {
  let records = 0
  for (const topic of VENUES.flatMap((venue) => FEED_KINDS.map((kind) => feedTopic(kind, venue)))) {
    const tp = { topic, partition: 0 }
    records += (await broker.offsetAt(tp, toMs)) - (await broker.offsetAt(tp, fromMs))
  }
  return (records * 1_000) / (toMs - fromMs)
}

/** Of the books appended within the stretch: their lag, and the changes a second that they stand for. */
export async function booksOf(
  broker: SqliteBroker,
  stretch: Stretch,
): Promise<{ readonly lag: Lag; readonly changesPerSecond: number }> {
  const [stamped, received] = [[] as number[], [] as number[]]
  let changes = 0
  await eachBook(broker, stretch, (value, appendedAtMs) => {
    const stampedMs = numberAfter(value, '"exchangeTimeMs":')
    if (stampedMs !== undefined) stamped.push(appendedAtMs - stampedMs)
    received.push(appendedAtMs - numberAfter(value, '"receivedAtMs":')!)
    changes += numberAfter(value, '"updates":') ?? 1
  })
  const lag = { stamped: quantilesOf(stamped), received: quantilesOf(received) }
  return { lag, changesPerSecond: (changes * 1_000) / (stretch.toMs - stretch.fromMs) }
}

async function eachBook(
  broker: SqliteBroker,
  { fromMs, toMs }: Stretch,
  see: (value: string, appendedAtMs: number, key: string) => void,
): Promise<void> {
  for (const venue of VENUES) {
    const tp = { topic: booksTopic(venue), partition: 0 }
    const to = await broker.offsetAt(tp, toMs)
    let offset = await broker.offsetAt(tp, fromMs)
    while (offset < to) {
      const records = await broker.read(tp, offset, Math.min(READ_RECORDS_MAX, to - offset))
      if (records.length === 0) break
      for (const { key, value, appendedAtMs } of records) {
        if (key !== null && value?.startsWith(BOOK) === true) see(value, appendedAtMs, key + venue)
      }
      offset = records.at(-1)!.offset + 1
    }
  }
}

/** Undefined where there is no such number: `null`, or nothing of that name. */
function numberAfter(value: string, name: string): number | undefined {
  const at = value.indexOf(name)
  const digits = at === -1 ? undefined : /\d+/y
  if (digits === undefined) return undefined
  digits.lastIndex = at + name.length
  const [text] = digits.exec(value) ?? []
  return text === undefined ? undefined : Number(text)
}

function quantilesOf(values: number[]): Quantiles {
  const sorted = values.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}
