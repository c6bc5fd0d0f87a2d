import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { listProducts } from '../../../src/ingest/streaming/list-products.ts'
import type { WireUse } from '../../../src/ingest/streaming/product-list.ts'
import type { HttpAnswer } from '../../../src/ingest/transport.ts'
import type { Wire } from '../../../src/ingest/venue.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'

describe('the product lists of a venue', () => {
  test('every part of every wire that is spoken of is asked for, and of no other', async () => {
    const rig = listing([spot, futures], ['BTC-USD'], () => body('BTC-USD'))
    expect(await rig.lists).toMatchObject([
      { use: { wire: { name: 'spot' } }, listings: [{ product: 'BTC-USD' }, { product: 'BTC-USD' }] },
    ])
    expect(rig.asked).toEqual(['https://venue.test/spot/1', 'https://venue.test/spot/2'])
    expect(rig.told).toEqual([])
  })

  test('are asked for until they come, and people hear of it when that takes long, and when it is over', async () => {
    let answers = 0
    const rig = listing([oneList], ['BTC-USD'], () =>
      ++answers <= 6 ? failed('no connection') : body('BTC-USD'),
    )
    for (let i = 0; i < 6; i++) await rig.timers.advanceBy(4_000)
    expect((await rig.lists)[0]!.listings).toHaveLength(1)
    expect(rig.told).toEqual([
      'warning: venue.test does not list its products',
      'info: venue.test lists its products again',
    ])
  })

  test('one that cannot be read is asked for again', async () => {
    let answers = 0
    const rig = listing([oneList], ['BTC-USD'], () => body(++answers === 1 ? '' : 'BTC-USD'))
    await rig.timers.advanceBy(4_000)
    expect((await rig.lists)[0]!.listings).toHaveLength(1)
  })

  test('a venue that sends us away is left alone for as long as it says', async () => {
    let answers = 0
    const rig = listing([oneList], ['BTC-USD'], () =>
      ++answers === 1
        ? { kind: 'refused', status: 429, message: 'slow down', retryAfterMs: 30_000 }
        : body('BTC-USD'),
    )
    await rig.timers.advanceBy(29_000)
    expect(rig.asked).toHaveLength(1)
    await rig.timers.advanceBy(5_000)
    expect(rig.asked).toHaveLength(2)
    await rig.lists
  })

  test('people hear at once of a venue that is not for where we are, and when it is over', async () => {
    let answers = 0
    const rig = listing([oneList], ['BTC-USD'], () =>
      ++answers <= 6 ? { kind: 'refused', status: 451, message: 'not here' } : body('BTC-USD'),
    )
    await rig.timers.advanceBy(1_000)
    expect(rig.told).toEqual(['warning: venue.test does not list its products'])
    for (let i = 0; i < 6; i++) await rig.timers.advanceBy(70_000)
    await rig.lists
    expect(rig.told.slice(1)).toEqual(['info: venue.test lists its products again'])
  })

  test('the end is not waited for', async () => {
    const rig = listing([oneList], ['BTC-USD'], () => failed('no connection'))
    await rig.timers.advanceBy(100)
    rig.stop.abort()
    expect((await rig.lists)[0]!.listings).toEqual([])
    expect(rig.timers.waiting).toBe(0)
  })
})

const wire = (name: string, lists: Wire['lists'], parts: number): WireUse => ({
  wire: {
    name,
    lists,
    listingRequests: (restUrl) =>
      Array.from({ length: parts }, (_, i) => ({
        method: 'GET',
        url: `${restUrl}/${name}/${i + 1}`,
        weight: 1,
      })),
    parseListing(bytes) {
      const product = new TextDecoder().decode(bytes)
      if (product === '') return { refusal: { kind: 'wrong-shape', path: '', message: 'nothing' } }
      return { listings: [{ symbol: product, product, trading: true }] }
    },
  } as Partial<Wire> as Wire,
  restUrl: 'https://venue.test',
  socketUrl: 'wss://venue.test',
  kinds: ['books'],
})
const spot = wire('spot', 'spot', 2)
const futures = wire('futures', 'derivatives', 1)
const oneList = wire('spot', 'spot', 1)

function body(text: string): HttpAnswer {
  return { kind: 'body', bytes: new TextEncoder().encode(text) }
}

function failed(message: string): HttpAnswer {
  return { kind: 'failed', message }
}

function listing(uses: readonly WireUse[], patterns: readonly string[], answer: () => HttpAnswer) {
  const timers = virtualTimers(0)
  const stop = new AbortController()
  const asked: string[] = []
  const told: string[] = []
  const ask = async (_: WireUse, { url }: { url: string }) => {
    asked.push(url)
    return answer()
  }
  const lists = listProducts(uses, patterns, ask, {
    timers,
    random: () => 0,
    stop: stop.signal,
    log: pino({ level: 'silent' }),
    tell: (title, _, severity) => told.push(`${severity}: ${title}`),
  })
  return { timers, stop, asked, told, lists }
}
