import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { statusText } from '../../src/commands/status.ts'
import {
  diskStatus,
  type FeedFacts,
  feedFacts,
  feedStatus,
  isFine,
} from '../../src/commands/status-report.ts'
import { write } from '../processors/running/played-log.ts'
import { openRig } from '../processors/running/rig.ts'

const NOW_MS = Date.UTC(2026, 10, 20, 14, 35)
const STALE_AFTER_MS = 10_000

describe('a feed is', () => {
  const cases: [string, Partial<FeedFacts>, string][] = [
    ['live while its producer vouches for it', { watchedToMs: NOW_MS - 10_000 }, 'live'],
    ['live though its book did not change for long', { receivedAtMs: NOW_MS - 900_000 }, 'live'],
    ['stale when its producer is silent', { watchedToMs: NOW_MS - 10_001 }, 'stale'],
    ['stale when nobody ever watched it', { watchedToMs: null }, 'stale'],
    ['in a hole when its producer says so', { openHoles: 1 }, 'hole'],
    [
      'stale, whatever the holes, when its producer is silent',
      { openHoles: 1, watchedToMs: NOW_MS - 60_000 },
      'stale',
    ],
    ['ended when its producer said goodbye', { bye: true, watchedToMs: NOW_MS - 60_000 }, 'ended'],
  ]
  test.each(cases)('%s', (_, facts, state) => {
    expect(feedStatus(feed(facts), NOW_MS, STALE_AFTER_MS).state).toBe(state)
  })
})

test('all is fine while something is live and nothing is stale or in a hole', () => {
  const states = (...facts: Partial<FeedFacts>[]) =>
    facts.map((of) => feedStatus(feed(of), NOW_MS, STALE_AFTER_MS))
  const [ended, stale, hole] = [{ bye: true }, { watchedToMs: null }, { openHoles: 1 }]
  expect(isFine(states({}, ended))).toBe(true)
  expect(isFine(states({}, stale))).toBe(false)
  expect(isFine(states({}, hole))).toBe(false)
  expect(isFine(states(ended))).toBe(false)
  expect(isFine([])).toBe(false)
})

test('the report is a table of feeds, one of topics, and a line about the disk', () => {
  const feeds = [
    feedStatus(feed({ rejections: 3 }), NOW_MS, STALE_AFTER_MS),
    feedStatus(
      feed({ kind: 'trades', receivedAtMs: NOW_MS - 2_000, continuity: 'proven', rejections: null }),
      NOW_MS,
      STALE_AFTER_MS,
    ),
    feedStatus(
      feed({ product: 'XRP-USD', watchedToMs: NOW_MS - 600_000, continuity: null }),
      NOW_MS,
      STALE_AFTER_MS,
    ),
  ]
  const lags = [
    { topic: 'books.coinbase', partition: 0, reader: 'all', records: 7_200, lagRecords: 4, bytes: 9_400_000 },
  ]
  const disk = { logBytes: 9_800_000, storeBytes: 512_000, spoolBytes: null, freeBytes: 21_000_000_000 }
  expect(statusText({ ok: false, feeds, lags, disk })).toBe(`\
VENUE      SOURCE   PRODUCT   KIND     STATE   LAST        VOUCHED FOR   HOLES   CONTINUITY   REJECTIONS
coinbase   mock     BTC-USD   books    live    1.5 s ago   0.4 s ago     0       unproven     3
coinbase   mock     BTC-USD   trades   live    2.0 s ago   0.4 s ago     0       proven
coinbase   mock     XRP-USD   books    stale   1.5 s ago   10 min ago    0       -            0

TOPIC              READER   RECORDS   LAG   SIZE
books.coinbase/0   all      7200      4     9.4 MB

disk: log 9.8 MB, store 512.0 kB, free 21.0 GB
`)
})

describe('the facts of a feed', () => {
  async function factsOf(log: string): Promise<string[]> {
    const rig = await openRig()
    await write(rig.broker, log)
    await rig.run()
    return (await feedFacts(rig.store.db)).map((facts) => {
      const { source, product, kind, receivedAtMs, watchedToMs, bye, openHoles, rejections } = facts
      const clock = (ms: number | null) => (ms === null ? '-' : new Date(ms).toISOString().slice(11, 19))
      const end = `${clock(watchedToMs)}${bye ? ' bye' : ''}`
      const counts = `${openHoles} holes, ${rejections ?? 'no'} rejections`
      return `${source} ${product} ${kind}: last ${clock(receivedAtMs)}, watched to ${end}, ${counts}`
    })
  }

  test('stand by kind, in the order of the topics; what was rejected is told once a product', async () => {
    const log = `
      14:30:00  up BTC-USD
      14:30:00 #trades  up BTC-USD
      14:30:00 #tickers  up BTC-USD
      14:30:01  BTC-USD 100 101
      14:30:02 #trades  BTC-USD 100
      14:30:02  reject
      14:30:03 #trades  hole BTC-USD t1
      14:30:04  mark
      14:30:05 #trades  mark
      14:30:06 #tickers  bye
      14:30:07 @mock #tickers  ETH-USD 100`
    expect(await factsOf(log)).toEqual([
      'coinbase BTC-USD books: last 14:30:01, watched to 14:30:04, 0 holes, 1 rejections',
      'coinbase BTC-USD trades: last 14:30:02, watched to 14:30:05, 1 holes, no rejections',
      'coinbase BTC-USD tickers: last -, watched to 14:30:06 bye, 0 holes, no rejections',
      'mock ETH-USD tickers: last 14:30:07, watched to -, 0 holes, 0 rejections',
    ])
  })

  test('are those of the run that watched last: what an earlier one left open is over', async () => {
    const log = `
      r1: 14:30:00  up BTC-USD
      r1: 14:30:01  hole BTC-USD h1
      r1: 14:30:01  hole BTC-USD h2
      r1: 14:30:02  mark
      r2: 14:30:10  up BTC-USD
      r2: 14:30:10  hole BTC-USD h3
      r2: 14:30:12  mark`
    expect(await factsOf(log)).toEqual([
      'coinbase BTC-USD books: last -, watched to 14:30:12, 1 holes, 0 rejections',
    ])
  })
})

describe('the disk', () => {
  const here = { kafkaBrokers: undefined, databaseUrl: undefined }
  const elsewhere = { kafkaBrokers: ['localhost:19092'], databaseUrl: 'postgres://localhost/tidebook' }

  function dataDir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'tidebook-disk-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    for (const segment of ['1', '2']) {
      mkdirSync(join(dir, 'spool/0', segment), { recursive: true })
      writeFileSync(join(dir, 'spool/0', segment, 'log.db'), 'x'.repeat(1_000))
    }
    writeFileSync(join(dir, 'spool/0/1/log.db-wal'), 'x'.repeat(500))
    writeFileSync(join(dir, 'spool/0/lock'), 'x')
    writeFileSync(join(dir, 'log.db'), 'x'.repeat(30))
    writeFileSync(join(dir, 'store.db'), 'x'.repeat(20))
    writeFileSync(join(dir, 'store.db-wal'), 'x')
    return dir
  }

  test('is told by the files on it', async () => {
    expect(await diskStatus({ dataDir: dataDir(), ...here })).toEqual({
      logBytes: 30,
      storeBytes: 21,
      spoolBytes: 2_500,
      freeBytes: expect.any(Number),
    })
  })

  test('has neither log nor store where these are elsewhere, whatever an earlier time has left there', async () => {
    expect(await diskStatus({ dataDir: dataDir(), ...elsewhere })).toMatchObject({
      logBytes: null,
      storeBytes: null,
      spoolBytes: 2_500,
    })
  })

  test('may have nothing of ours at all', async () => {
    const disk = await diskStatus({ dataDir: join(dataDir(), 'nothing'), ...elsewhere })
    expect(disk).toEqual({ logBytes: null, storeBytes: null, spoolBytes: null, freeBytes: null })
    const text = statusText({ ok: false, feeds: [], lags: [], disk })
    expect(text.trimEnd().split('\n').at(-1)).toBe('disk: log on Kafka, store in PostgreSQL')
  })

  test('says how much waits for Kafka', async () => {
    const disk = { logBytes: null, storeBytes: 512_000, spoolBytes: 12_300_000, freeBytes: 1e9 }
    expect(statusText({ ok: false, feeds: [], lags: [], disk })).toContain(
      'disk: log on Kafka, store 512.0 kB, spool 12.3 MB, free 1.0 GB\n',
    )
  })
})

function feed(facts: Partial<FeedFacts>): FeedFacts {
  return {
    venue: 'coinbase',
    source: 'mock',
    product: 'BTC-USD',
    kind: 'books',
    continuity: 'unproven',
    receivedAtMs: NOW_MS - 1_500,
    watchedToMs: NOW_MS - 400,
    bye: false,
    openHoles: 0,
    rejections: 0,
    ...facts,
  }
}
