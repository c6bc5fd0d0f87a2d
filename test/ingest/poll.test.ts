import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { Broker } from '../../src/broker/broker.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { originalBytes } from '../../src/models/rejection.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import { temporaryDir } from '../broker/logs.ts'
import { openSpooling } from '../broker/spool-rig.ts'
import {
  afterMs,
  body,
  book,
  bookBody,
  breakOff,
  drip,
  gzipped,
  hang,
  type Reply,
  reset,
  status,
} from './local-venue.ts'
import { type Rig, type RigSettings, startPoll } from './poll-rig.ts'

let rig: Rig | undefined

async function poll(settings: RigSettings): Promise<Rig> {
  rig = await startPoll(settings)
  return rig
}

afterEach(async () => {
  await rig?.close()
  rig = undefined
})

/** The n-th call gets the n-th reply; the last one goes on. */
function script(...replies: Reply[]): (product: string, call: number) => Reply {
  return (_, call) => replies[Math.min(call, replies.length) - 1]!
}

const failing = status(503)
const fiveTimes = <T>(value: T): T[] => Array.from({ length: 5 }, () => value)

describe('what is retried', () => {
  test('a venue that fails five times and then answers is asked six times, and nobody is told', async () => {
    const { venue, until, of, stop, alerts } = await poll({
      pollMs: 60_000,
      reply: script(...fiveTimes(failing), book(1)),
    })
    await until(() => of('book').length === 1)
    const { failure } = await stop()
    expect({ calls: venue.calls.length, failure, alerts }).toEqual({
      calls: 6,
      failure: undefined,
      alerts: [],
    })
  })

  test('a venue that fails six times ends the run with one alert and no goodbye', async () => {
    const { venue, ended, of, alerts } = await poll({ reply: script(failing) })
    const { failure } = await ended
    expect(failure).toMatchObject({ code: 'venue-unreachable' })
    expect(failure!.message).toBe('coinbase gave no answer for BTC-USD in 6 calls; the last: answered 503')
    expect(venue.calls.length).toBe(6)
    expect(alerts.map(({ id, severity }) => [id, severity])).toEqual([['run-1-stopped', 'critical']])
    expect(of('mark').filter((mark) => mark.bye)).toEqual([])
  })

  test('products that fail at the same moment make one alert', async () => {
    const products = ['BTC-USD', 'ETH-USD', 'SOL-USD']
    const { ended, alerts } = await poll({ products, reply: script(reset) })
    await ended
    expect(alerts).toHaveLength(1)
  })

  test('a success gives a product its whole budget again', async () => {
    const { until, of, venue } = await poll({
      reply: script(...fiveTimes(failing), book(1), ...fiveTimes(failing), book(2)),
    })
    await until(() => of('book').length === 2)
    expect(venue.calls.length).toBeGreaterThanOrEqual(12)
  })

  test.each<[string, Reply]>([
    ['hangs', hang],
    ['sends a byte now and then but never ends', drip(10)],
    ['resets the connection', reset],
    ['breaks off in the middle of a body', breakOff(bookBody(1))],
    ['redirects somewhere else', status(302, { location: 'http://127.0.0.1:1/' })],
    ['is too busy', status(429)],
    ['is broken', status(500)],
  ])('a venue that %s is asked again', async (_, reply) => {
    const { until, of, venue, stop } = await poll({
      pollMs: 60_000,
      policy: { timeoutMs: 400 },
      reply: script(reply, book(7)),
    })
    await until(() => of('book').length === 1)
    expect(venue.calls.length).toBe(2)
    expect((await stop()).ledger).toMatchObject({ received: 1, published: 1 })
  })

  test('a slow answer within the deadline is an answer', async () => {
    const { until, of, venue } = await poll({ pollMs: 60_000, reply: script(afterMs(150, book(1))) })
    await until(() => of('book').length === 1)
    expect(venue.calls.length).toBe(1)
  })

  test('Retry-After is waited for before the next call', async () => {
    const { until, of, venue } = await poll({
      pollMs: 60_000,
      reply: script(status(429, { 'retry-after': '1' }), book(1)),
    })
    await until(() => of('book').length === 1)
    expect(venue.calls[1]!.atMs - venue.calls[0]!.atMs).toBeGreaterThan(990)
  })

  test('a wait that the venue asks for ends when the run is stopped', async () => {
    const { venue, stop } = await poll({ reply: script(status(429, { 'retry-after': '200' })) })
    while (venue.calls.length === 0) await new Promise(setImmediate)
    expect(await stop()).toMatchObject({ failure: undefined })
    expect(venue.calls).toHaveLength(1)
  })
})

describe('what is refused', () => {
  test('a product the venue does not know is told once and left alone; the others go on', async () => {
    const notFound = status(404, {}, '{"message":"NotFound"}')
    const { until, of, values, venue, alerts, stop } = await poll({
      products: ['BTC-USD', 'NO-SUCH', 'ETH-USD'],
      reply: (product, call) => (product === 'NO-SUCH' ? notFound : book(call)),
    })
    await until(() => of('book').length >= 6)
    expect((await stop()).failure).toBeUndefined()
    expect(venue.calls.filter(({ product }) => product === 'NO-SUCH')).toHaveLength(1)
    expect(values.filter((value) => 'product' in value && value.product === 'NO-SUCH')).toMatchObject([
      { type: 'up', source: 'simulator' },
      { type: 'hole-open', reason: 'unknown-product' },
    ])
    expect(alerts.map(({ title }) => title)).toEqual(['coinbase refuses NO-SUCH: 404'])
    expect(alerts[0]!.text).toContain('{"message":"NotFound"}')
    expect(new Set(of('book').map(({ product }) => product))).toEqual(new Set(['BTC-USD', 'ETH-USD']))
  })

  test('when no product is left the run ends, and every refusal was told once', async () => {
    const { ended, alerts } = await poll({ products: ['A-USD', 'B-USD'], reply: script(status(400)) })
    expect((await ended).failure).toMatchObject({ code: 'venue-refused' })
    expect(alerts.map(({ title }) => title).sort()).toEqual([
      'coinbase refuses A-USD: 400',
      'coinbase refuses B-USD: 400',
    ])
  })
})

describe('what cannot be used', () => {
  const html = '<html><body>Bad gateway</body></html>'

  test.each<[string, Reply, string, string | undefined]>([
    ['an error page', body(html, { 'content-type': 'text/html' }), 'malformed-json', html],
    ['an empty body', body(''), 'malformed-json', ''],
    ['invalid UTF-8', body(new Uint8Array([0x7b, 0xff])), 'malformed-json', undefined],
    ['a zero price', body(bookBody(1, '0')), 'wrong-shape', bookBody(1, '0')],
  ])('%s becomes a rejection with its bytes, and the stream goes on', async (_, reply, kind, bytes) => {
    const { until, of, stop } = await poll({ reply: script(reply, book(2)) })
    await until(() => of('book').length === 1)
    const { ledger } = await stop()
    const [rejection] = of('rejection')
    expect(rejection).toMatchObject({ id: 'run-1-1', kind, product: 'BTC-USD', source: 'simulator' })
    if (bytes !== undefined) expect(Buffer.from(originalBytes(rejection!.original)).toString()).toBe(bytes)
    expect(ledger).toMatchObject({ published: 1, rejected: 1 })
  })

  test.each<[string, Reply]>([
    ['plain', body(Buffer.alloc(3_000_000, ' '))],
    ['out of a small gzip', gzipped(Buffer.alloc(30_000_000, ' '))],
  ])('a body longer than what is read of one is rejected, its beginning kept: %s', async (_, reply) => {
    const { until, of } = await poll({ reply: script(reply, book(1)) })
    await until(() => of('book').length === 1)
    expect(of('rejection')).toMatchObject([
      { kind: 'wrong-shape', path: '', message: 'longer than the 1000000 bytes that are read of a body' },
    ])
    expect(of('rejection')[0]!.original).toMatchObject({ encoding: 'head+base64', length: 1_000_000 })
  })
})

describe('what is written', () => {
  test('only what is new is published, and the ledger adds up', async () => {
    const sequences = [5, 5, 4, 6, 6, 7]
    const replies = sequences.map((sequence) => book(sequence))
    const { until, of, venue, stop } = await poll({ reply: script(...replies, body('oops'), hang) })
    await until(() => of('rejection').length === 1)
    const { ledger } = await stop()
    expect(of('book').map(({ sequence }) => sequence)).toEqual([5, 6, 7])
    expect(ledger).toEqual({ received: 7, published: 3, unchanged: 2, older: 1, rejected: 1, dropped: 0 })
    expect(venue.calls.length).toBeGreaterThanOrEqual(7)
  })

  test('a product is up before its first book, in one go with it, and marks follow', async () => {
    const { until, of, values } = await poll({ reply: script(book(1), hang) })
    await until(() => of('mark').length > 0)
    expect(values.slice(0, 3).map(({ type }) => type)).toEqual(['up', 'book', 'mark'])
  })

  test('each partition that is fed has its marks, and says goodbye when the run is stopped', async () => {
    const products = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD']
    const { until, of, stop } = await poll({ products, partitions: 2, reply: (_, call) => book(call) })
    await until(() => of('up').length === 4)
    await stop()
    const goodbyes = of('mark').filter(({ bye }) => bye)
    expect(goodbyes).toHaveLength(2)
    expect(goodbyes[0]!.upToMs).toBe(Math.max(...of('mark').map(({ upToMs }) => upToMs)))
  })

  test('an outage is one hole, open before any mark passes its beginning and closed by the next answer', async () => {
    const outage = Array.from({ length: 4 }, () => hang)
    const { until, of, values } = await poll({
      pollMs: 30,
      policy: { timeoutMs: 150 },
      reply: script(book(1), ...outage, book(2)),
    })
    await until(() => of('hole-close').length === 1)
    const [open, close] = [of('hole-open')[0]!, of('hole-close')[0]!]
    expect(of('hole-open')).toHaveLength(1)
    expect(close.id).toBe(open.id)
    expect(open.fromMs).toBe(of('up')[0]!.atMs + 60)
    expect(close.toMs).toBeGreaterThan(open.fromMs)
    const before = values.slice(0, values.indexOf(open))
    const passing = before.filter((value) => value.type === 'mark' && value.upToMs >= open.fromMs)
    expect(passing).toEqual([])
  })

  test('a log that is full ends the run and is told', async () => {
    const levels = Array.from({ length: 900 }, (_, i) => [`${1_000 - i}.12345678`, '1.12345678', 1])
    const large = (sequence: number) => JSON.stringify({ sequence, bids: levels, asks: [['2000', '1', 1]] })
    const { ended, alerts, of } = await poll({
      pollMs: 1,
      levelsMax: 1_000,
      pagesMax: 60,
      reply: (_, call) => body(large(call)),
    })
    const { failure, ledger } = await ended
    expect(failure).toMatchObject({ code: 'disk-full' })
    expect(alerts).toHaveLength(1)
    expect(of('book').length).toBe(ledger.published)
  })

  test('a run of many products warns of nothing', async () => {
    const warnings: unknown[] = []
    process.on('warning', (warning) => warnings.push(warning))
    const products = Array.from({ length: 40 }, (_, i) => `P${i}-USD`)
    const { until, of } = await poll({ products, reply: (_, call) => book(call) })
    await until(() => of('up').length === 40)
    expect(warnings).toEqual([])
  })
})

describe('a spool that is full', () => {
  test('is told once, is a hole of each product until there is room, and the run goes on', async () => {
    const far = { isThere: false }
    const dir = temporaryDir()
    const before = async (log: Broker) => {
      const connect = async () => {
        if (!far.isThere) throw new EngineError('broker-unreachable', 'nobody answers', { retry: 'yes' })
        return { ...log, close: async () => {} }
      }
      return (await openSpooling({ connect }, dir, { bytesMax: 6_000 })).broker
    }
    const products = ['BTC-USD', 'ETH-USD']
    const { of, until, stop, alerts, values, venue } = await poll({
      products,
      before,
      // A machine that is busy must not make holes of its own.
      pollMs: 300,
      reply: (_, call) => book(call),
    })
    while (alerts.length === 0) await new Promise(setImmediate)
    const asked = venue.calls.length
    while (venue.calls.length < asked + 2 * products.length) await new Promise(setImmediate)
    far.isThere = true
    await until(() => of('hole-close').length >= 2)
    const { ledger, failure } = await stop()

    expect(failure).toBeUndefined()
    expect(alerts.map(({ id, severity }) => [id, severity])).toEqual([['run-1-dropping-1', 'critical']])
    expect(ledger.dropped).toBeGreaterThan(0)
    expect(ledger.received).toBe(ledger.published + ledger.dropped)
    expect(of('book')).toHaveLength(ledger.published)
    for (const product of products) {
      const [open, close] = [of('hole-open'), of('hole-close')].map((holes) =>
        holes.filter((hole) => hole.product === product),
      )
      expect([open, close]).toEqual([
        [expect.objectContaining({ reason: 'spool-full' })],
        [expect.anything()],
      ])
      const books = values.flatMap((value, i) =>
        value.type === 'book' && value.product === product ? [{ ...value, i }] : [],
      )
      const at = values.indexOf(open![0]!)
      const last = books.findLast(({ i }) => i < at)!
      const next = books.find(({ i }) => i > at)!
      expect(open![0]).toMatchObject({ fromMs: last.receivedAtMs })
      expect(close![0]).toMatchObject({ toMs: next.receivedAtMs })
      expect(next.sequence! - last.sequence!).toBeGreaterThan(1)
    }
  })
})

test('a venue whose clock stands behind ours is told once, and in the closing line', async () => {
  const { log, entries } = recordingLog()
  const stamped = (call: number): Reply => {
    const time = new Date(Date.now() - 300_000).toISOString()
    return body(JSON.stringify({ ...(JSON.parse(bookBody(call)) as object), time }))
  }
  const { until, of, stop } = await poll({ log, reply: (_, call) => stamped(call) })
  await until(() => of('book').length === 15)
  await stop()
  const warnings = entries().filter(({ level, skewMs }) => level === 40 && skewMs !== undefined)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!['msg']).toMatch(/^the clock of coinbase stands \d{3}\.\d s behind ours$/)
  const closing = entries().find(({ msg }) => msg === 'polling ended')
  expect(Math.abs((closing!['skewMs'] as number) + 300_000)).toBeLessThan(2_000)
})

const recordings = process.env['RECORDINGS_DIR']

describe.skipIf(recordings === undefined)('a recorded book (RECORDINGS_DIR)', () => {
  test('a real level-2 body is ingested whole: its best prices, and all its levels counted', async () => {
    const file = join(recordings!, 'coinbase/rest_book_level2_BTC-USD_2026-08-07.json.gz')
    const { sequence, bids, asks } = JSON.parse(gunzipSync(readFileSync(file)).toString())
    const recorded = JSON.stringify({ bids, asks, sequence })
    const { until, of } = await poll({
      policy: { bodyBytesMax: 16_000_000 },
      reply: script(gzipped(recorded), hang),
    })
    await until(() => of('book').length === 1)
    const [ingested] = of('book')
    expect(ingested).toMatchObject({
      sequence: 133_905_821_961,
      state: 'ok',
      bidLevels: 18_376,
      askLevels: 27_017,
    })
    expect([ingested!.bids[0]![0], ingested!.asks[0]![0]]).toEqual(['64930.57', '64934.09'])
    expect([ingested!.bids.length, ingested!.asks.length]).toEqual([20, 20])
  })
})
