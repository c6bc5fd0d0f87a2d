import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TIME_MS_MAX, TIME_MS_MIN } from '../../src/models/scalars.ts'
import { stampedHead } from '../../src/models/stamped.ts'
import { encodeTicker, Ticker } from '../../src/models/ticker.ts'
import { encodeTrade, Trade } from '../../src/models/trade.ts'

const about = { venue: 'okx', source: 'okx', product: 'BTC-USD-PERP' } as const
const times = { exchangeTimeMs: 1_795_185_071_000, receivedAtMs: 1_795_185_071_080 }
const TRADE: Trade = {
  type: 'trade',
  ...about,
  ...times,
  id: '42',
  price: '71234.56',
  size: '3',
  side: 'sell',
  fills: 2,
  backfilled: true,
  unit: '0.01 BTC',
}

describe('a trade', () => {
  test('travels as this text, its fields always in this order', () => {
    expect(encodeTrade(TRADE)).toBe(
      '{"type":"trade","venue":"okx","source":"okx","product":"BTC-USD-PERP","exchangeTimeMs":1795185071000,"receivedAtMs":1795185071080,"id":"42","price":"71234.56","size":"3","side":"sell","fills":2,"backfilled":true,"unit":"0.01 BTC"}',
    )
  })

  test.each([
    ['without a side', { side: 'maker' }],
    ['at no price', { price: '0' }],
    ['of no size', { size: '0' }],
    ['of no fills', { fills: 0 }],
    ['without an id', { id: '' }],
    ['in a unit without a number', { unit: 'BTC' }],
    ['without the venue’s time', { exchangeTimeMs: null }],
  ])('is refused %s', (_, wrong) => {
    expect(Trade.safeParse({ ...TRADE, ...wrong }).success).toBe(false)
  })
})

const anyTime = fc.integer({ min: TIME_MS_MIN, max: TIME_MS_MAX })
const anyPrice = fc.tuple(fc.nat(999_999), fc.nat(99)).map(([whole, cents]) => `${whole}.${cents + 1}`)
const anyUnit = fc.constantFrom({}, { unit: '1 USD' })
const anyAbout = { exchangeTimeMs: anyTime, receivedAtMs: anyTime }
const anyTrade: fc.Arbitrary<Trade> = fc
  .record({
    ...anyAbout,
    // A venue's id may be any text of its own.
    id: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    price: anyPrice,
    size: anyPrice,
    side: fc.constantFrom('buy' as const, 'sell' as const),
    fills: fc.integer({ min: 1, max: 999 }),
    backfilled: fc.boolean(),
  })
  .chain((trade) => anyUnit.map((unit) => ({ type: 'trade' as const, ...about, ...trade, ...unit })))
const anyTicker: fc.Arbitrary<Ticker> = fc
  .record({
    exchangeTimeMs: fc.option(anyTime),
    receivedAtMs: anyTime,
    sequence: fc.option(fc.maxSafeNat()),
    last: fc.option(anyPrice),
    lastSize: fc.option(anyPrice),
    bid: fc.option(anyPrice),
    bidSize: fc.option(anyPrice),
    ask: fc.option(anyPrice),
    askSize: fc.option(anyPrice),
    day: fc.option(
      fc.record({
        open: fc.option(anyPrice),
        high: fc.option(anyPrice),
        low: fc.option(anyPrice),
        volume: fc.option(fc.oneof(anyPrice, fc.constant('0'))),
        quoteVolume: fc.option(anyPrice),
      }),
    ),
  })
  .chain((ticker) => anyUnit.map((unit) => ({ type: 'ticker' as const, ...about, ...ticker, ...unit })))

describe('what is written is read again, a valid one, and begins with the head of its feed', () => {
  test('be it any trade', () => {
    fc.assert(
      fc.property(anyTrade, (trade) => {
        const text = encodeTrade(trade)
        expect(Trade.parse(JSON.parse(text))).toEqual(trade)
        expect(text.startsWith(stampedHead('trade', 'okx', 'okx', 'BTC-USD-PERP'))).toBe(true)
      }),
    )
  })

  test('be it any ticker', () => {
    fc.assert(
      fc.property(anyTicker, (ticker) => {
        const text = encodeTicker(ticker)
        expect(Ticker.parse(JSON.parse(text))).toEqual(ticker)
        expect(text.startsWith(stampedHead('ticker', 'okx', 'okx', 'BTC-USD-PERP'))).toBe(true)
      }),
    )
  })
})
