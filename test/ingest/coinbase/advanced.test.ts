import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { coinbaseAdvanced } from '../../../src/ingest/coinbase/advanced.ts'
import { Levels } from '../../../src/ingest/levels.ts'
import { parseIsoTime } from '../../../src/models/time.ts'
import { describeRecorded, recordedFile } from '../recorded.ts'
import { said } from './said.ts'

const FIXTURES = 'fixtures/coinbase'
const receivedAtMs = parseIsoTime('2026-11-20T14:31:11Z')!

describe('every frame becomes what is written beside it', () => {
  const names = readdirSync(FIXTURES).filter((name) => /^ws-advanced-(?!.*expected)/.test(name))
  test.each(names)('%s', async (name) => {
    const expected = `../../../${FIXTURES}/${name.replace('.json', '.expected.json')}`
    const events = said(coinbaseAdvanced, readFileSync(`${FIXTURES}/${name}`), receivedAtMs)
    await expect(`${JSON.stringify(events, null, 2)}\n`).toMatchFileSnapshot(expected)
  })
})

test('every frame that has a number says it first', () => {
  const numbers = readdirSync(FIXTURES)
    .filter((name) => /^ws-advanced-(?!.*(?:expected|error|no-number))/.test(name))
    .map((name) => said(coinbaseAdvanced, readFileSync(`${FIXTURES}/${name}`), receivedAtMs)[0])
  expect(numbers.length).toBeGreaterThan(5)
  expect(numbers.filter((event) => (event as { type: string }).type !== 'numbered')).toEqual([])
})

test('one channel a message, and heartbeats before all else', () => {
  const subscriptions = ['BTC-USD', 'ETH-USD'].map((symbol) => ({ kind: 'books', symbol }) as const)
  expect(coinbaseAdvanced.hello!(1)).toEqual(['{"type":"subscribe","channel":"heartbeats"}'])
  expect(coinbaseAdvanced.subscribe(subscriptions, 2)).toEqual([
    '{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"level2"}',
  ])
  expect(coinbaseAdvanced.unsubscribe(subscriptions.slice(1), 3)).toEqual([
    '{"type":"unsubscribe","product_ids":["ETH-USD"],"channel":"level2"}',
  ])
  expect(coinbaseAdvanced.channel(subscriptions[0]!)).toBe('level2:BTC-USD')
  expect(coinbaseAdvanced.limits.subscriptionsPerConnection).toBe(30)
})

test('a product that is another in disguise is not listed: BTC-USDC comes as BTC-USD, USDT-USDC is itself', () => {
  expect(coinbaseAdvanced.parseListing(readFileSync(`${FIXTURES}/rest-products.advanced.json`))).toEqual({
    listings: [
      { symbol: 'BTC-USD', product: 'BTC-USD', trading: true },
      { symbol: 'USDT-USDC', product: 'USDT-USDC', trading: true },
      { symbol: 'OFF-USD', product: 'OFF-USD', trading: false },
    ],
  })
  expect(coinbaseAdvanced.parseListing(Buffer.from('[]'))).toMatchObject({ refusal: { kind: 'wrong-shape' } })
})

test('of an event that cannot be used nothing is staged, and those beside it are used all the same', () => {
  const good = { side: 'bid', event_time: '2026-11-20T14:31:10Z', price_level: '1', new_quantity: '1' }
  const update = (product_id: string, updates: object[]) => ({ type: 'update', product_id, updates })
  const bad = update('BTC-USD', [good, { ...good, price_level: '0' }])
  const frame = { channel: 'l2_data', sequence_num: 7, events: [bad, update('ETH-USD', [good])] }
  const levels = new Levels()
  const events = coinbaseAdvanced.parseFrame(Buffer.from(JSON.stringify(frame)), { receivedAtMs, levels })
  expect(events).toMatchObject([
    { type: 'numbered', number: 7 },
    {
      type: 'rejected',
      symbol: 'BTC-USD',
      kind: 'books',
      refusal: { path: 'events[0].updates[1].price_level' },
    },
    { type: 'delta', symbol: 'ETH-USD', from: 0, to: 1 },
  ])
})

const SHAPES = 'coinbase/advanced_trade_shapes'
describeRecorded(SHAPES, () => {
  test.each([
    ['ws_l2_data_snapshot', ['numbered', 'accepted', 'snapshot']],
    ['ws_l2_data_update', ['numbered', 'delta']],
    ['ws_heartbeats', ['numbered', 'alive']],
    ['ws_subscriptions', ['numbered', 'accepted']],
    ['ws_market_trades', ['numbered', 'alive']],
    ['ws_ticker', ['numbered', 'alive']],
    ['ws_candles', ['numbered', 'alive']],
  ])('%s is understood, however it is written', (name, types) => {
    const events = said(coinbaseAdvanced, recordedFile(`${SHAPES}/${name}.json`), receivedAtMs)
    expect(events.map((event) => (event as { type: string }).type)).toEqual(types)
  })

  test('products are listed', () => {
    expect(coinbaseAdvanced.parseListing(recordedFile(`${SHAPES}/http_products.json`))).toEqual({
      listings: [{ symbol: 'BTC-USD', product: 'BTC-USD', trading: true }],
    })
  })
})
