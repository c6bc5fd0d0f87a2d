import { describe, expect, test } from 'vitest'
import { decode, decodeFast, FUTURE_MS_MAX, identityOf } from '../../../src/processors/running/decode.ts'
import { newsText } from './played-log.ts'
import { START_MS } from './rig.ts'

const NAMES = { venue: 'coinbase', source: 'mock', product: 'BTC-USD' } as const
const FEEDS = { trades: identityOf(7, 'trade', NAMES), tickers: identityOf(7, 'ticker', NAMES) }
const ABOUT = { product: 'BTC-USD', price: '100', source: 'mock' } as const

describe.each(['trades', 'tickers'] as const)('%s at a glance', (kind) => {
  const feed = FEEDS[kind]
  const type = feed.type
  const good = newsText(kind, { ...ABOUT, atMs: START_MS, receivedAtMs: START_MS + 80 })
  const slow = (text: string) => decode(text, kind, 3, () => feed)

  test('are read as the schema reads them: whose, and when', () => {
    const seen = { feed: 7, timeMs: START_MS, exchangeTimeMs: START_MS, receivedAtMs: START_MS + 80, n: 3 }
    expect(decodeFast(good, feed, 3)).toEqual(seen)
    expect(slow(good)).toEqual({ type, record: seen })
  })

  test('agree with the schema on the times, whatever stands there; what is left to it is never wrong', () => {
    const times = ['null', '0', '1', '1795185000000', '9999999999999', '17951850000000', '-795185000000']
    const odd = ['1795185000000.5', '179518500000e1', '"1795185000000"', '01795185000000', '']
    for (const name of ['exchangeTimeMs', 'receivedAtMs']) {
      for (const time of [...times, ...odd]) {
        const text = good.replace(new RegExp(`("${name}":)\\d+`), `$1${time}`)
        const seen = decodeFast(text, feed, 3)
        if (seen !== undefined) expect(slow(text)).toEqual({ type, record: seen })
      }
    }
  })

  test('must have an end', () => {
    for (let length = 0; length < good.length; length++) {
      expect(decodeFast(good.slice(0, length), feed, 3)).toBeUndefined()
    }
  })

  test('are not looked into any further: a price that is none is left to whoever reads prices', () => {
    const bad = good.replace('"100"', '"a hundred"')
    expect(decodeFast(bad, feed, 3)).toEqual(decodeFast(good, feed, 3))
    expect(slow(bad)).toMatchObject({ type: 'foreign' })
  })

  test.each([
    [FUTURE_MS_MAX, true],
    [FUTURE_MS_MAX + 1, false],
  ])('stamped %i ms ahead of their arrival are ours: %s, either way', (aheadMs, isOurs) => {
    const text = newsText(kind, { ...ABOUT, atMs: START_MS + aheadMs, receivedAtMs: START_MS })
    expect(decodeFast(text, feed, 3) !== undefined).toBe(isOurs)
    expect(slow(text).type).toBe(isOurs ? type : 'foreign')
  })
})

test('a ticker without the venue’s time stands where it was received; a trade without one is none of ours', () => {
  const untimed = (kind: 'trades' | 'tickers') =>
    newsText(kind, { ...ABOUT, atMs: START_MS }).replace(/("exchangeTimeMs":)\d+/, '$1null')
  const ticker = { timeMs: START_MS, exchangeTimeMs: null }
  expect(decodeFast(untimed('tickers'), FEEDS.tickers, 1)).toMatchObject(ticker)
  expect(decode(untimed('tickers'), 'tickers', 1, () => FEEDS.tickers)).toMatchObject({ record: ticker })
  expect(decodeFast(untimed('trades'), FEEDS.trades, 1)).toBeUndefined()
  expect(decode(untimed('trades'), 'trades', 1, () => FEEDS.trades)).toMatchObject({ type: 'foreign' })
})
