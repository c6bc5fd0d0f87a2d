import fc from 'fast-check'
import type { OutgoingRecord } from '../../../src/broker/broker.ts'
import { bookText, rejection } from './played-log.ts'
import { BOOKS, START_MS } from './rig.ts'

/**
 * Small logs of every kind of record, with ties of every sort: few products, sources, prices and moments within twenty
 * minutes. Each record is the only one of its run, so that it is the same record wherever it stands.
 */
export const anyLog: fc.Arbitrary<OutgoingRecord[]> = fc
  .array(anyRecord(), { minLength: 1, maxLength: 60 })
  .map((records) => {
    // More than nine rejections would make digests, whose members are whatever ten came first.
    let rejections = 0
    const few = records.filter(({ topic }) => topic === BOOKS || rejections++ < 9)
    return few.map((record, i) => ({ ...record, run: `producer-${i}`, n: 1 }))
  })

/** A log, and the same records in another order. */
export const anyLogShuffled: fc.Arbitrary<[OutgoingRecord[], OutgoingRecord[]]> = anyLog.chain((records) =>
  fc.tuple(
    fc.constant(records),
    fc.shuffledSubarray(records, { minLength: records.length, maxLength: records.length }),
  ),
)

/** A log of one producer: dense numbers in its one run. */
export function ofOneRun(records: readonly OutgoingRecord[], run = 'r1'): OutgoingRecord[] {
  const counts = new Map<string, number>()
  return records.map((record) => {
    const n = (counts.get(record.topic) ?? 0) + 1
    counts.set(record.topic, n)
    return { ...record, run, n }
  })
}

type Unsent = Omit<OutgoingRecord, 'run' | 'n'>

function anyRecord(): fc.Arbitrary<Unsent> {
  const anyMoment = fc.oneof(fc.nat(4_800), fc.nat(8)).map((quarters) => START_MS + quarters * 250)
  const anyFeed = fc.record({
    product: fc.constantFrom('BTC-USD', 'ETH-USD'),
    source: fc.constantFrom('coinbase' as const, 'mock' as const),
  })
  const anyWatcher = anyFeed.chain((feed) =>
    fc.constantFrom('w1', 'w2').map((run) => ({ venue: 'coinbase', ...feed, run })),
  )
  const anyBook = fc
    .record({
      feed: anyFeed,
      atMs: anyMoment,
      sequence: fc.option(fc.nat(2)),
      bid: fc.integer({ min: 98, max: 102 }),
      ask: fc.integer({ min: 99, max: 103 }),
      zeros: fc.constantFrom('', '.0', '.00'),
      isIndicative: fc.boolean(),
    })
    .map(({ feed, atMs, sequence, bid, ask, zeros, isIndicative }) =>
      onBooks(
        feed.product,
        bookText({
          ...feed,
          atMs,
          sequence,
          bid: bid + zeros,
          ask: ask + zeros,
          ...(isIndicative ? { state: 'indicative' as const } : {}),
        }),
      ),
    )
  const anyUp = fc
    .tuple(anyWatcher, anyMoment)
    .map(([about, atMs]) => onBooks(about.product, { type: 'up', ...about, atMs }))
  const anyMark = fc
    .tuple(anyWatcher, anyMoment, fc.boolean())
    .map(([{ product: _, ...about }, upToMs, bye]) => onBooks(null, { type: 'mark', ...about, upToMs, bye }))
  const anyHole = fc
    .tuple(anyWatcher, anyMoment, fc.constantFrom('h1', 'h2'), fc.boolean())
    .map(([about, ms, id, opens]) =>
      onBooks(
        about.product,
        opens
          ? { type: 'hole-open', ...about, id, fromMs: ms, reason: 'stale' }
          : { type: 'hole-close', ...about, id, toMs: ms, backfilled: false },
      ),
    )
  const anyRejection = fc
    .tuple(anyMoment, fc.nat(20))
    .map(([ms, i]) => onTopic('rejections', 'coinbase', rejection(ms, `bad-${i}`)))
  const anyInsight = fc.tuple(anyFeed, anyMoment, fc.nat(2)).map(([feed, computedAtMs, value]) => {
    const about = { type: 'insight', insight: 'max-spread', venue: 'coinbase', ...feed }
    const when = { slotMs: START_MS, computedAtMs, fromMs: null, toMs: null }
    return onTopic('insights', 'max-spread', { ...about, ...when, result: { value } })
  })
  return fc.oneof(
    { weight: 8, arbitrary: anyBook },
    { weight: 1, arbitrary: anyUp },
    { weight: 1, arbitrary: anyMark },
    { weight: 1, arbitrary: anyHole },
    { weight: 1, arbitrary: anyRejection },
    { weight: 1, arbitrary: anyInsight },
  )
}

function onBooks(key: string | null, value: string | object): Unsent {
  return onTopic(BOOKS, key, value)
}

function onTopic(topic: string, key: string | null, value: string | object): Unsent {
  return { topic, partition: 0, key, value: typeof value === 'string' ? value : JSON.stringify(value) }
}
