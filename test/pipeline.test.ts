import { describe, expect, test } from 'vitest'
import { pipeline } from '../src/pipeline.ts'
import type { Views } from '../src/store/views.ts'

const processors = pipeline({ windowsMs: [300_000] })

describe('the pipeline', () => {
  test('no two processors share a name or a table', () => {
    const names = processors.map(({ name }) => name)
    const tables = processors.map(({ table }) => table.name)
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(tables).size).toBe(tables.length)
  })

  test('every kind of record is read by some processor', () => {
    const kinds = ['book', 'hole', 'insight', 'mark', 'rejection', 'ticker', 'trade', 'up']
    expect([...new Set(processors.map(({ reads }) => reads))].sort()).toEqual(kinds)
  })

  test('every table but that of the marks is a view people read', () => {
    const views = Object.keys({
      best_prices: true,
      max_spread: true,
      mid_price: true,
      top_of_book: true,
      trades_seen: true,
      tickers_seen: true,
      watches: true,
      holes: true,
      rejections: true,
      rejection_digests: true,
      insights: true,
    } satisfies Partial<Record<keyof Views, true>>)
    const tables = processors.map(({ table }) => table.name).filter((name) => name !== 'runs')
    expect(tables.sort()).toEqual(views.sort())
  })

  test('a row of a window is keyed by feed, length and start; a sample by second and feed', () => {
    const keys = new Map(processors.map(({ name, table }) => [name, table.key as readonly string[]]))
    expect(keys.get('best-prices')).toEqual(['feed', 'windowMs', 'startMs'])
    expect(keys.get('max-spread')).toEqual(['feed', 'windowMs', 'startMs'])
    expect(keys.get('mid-price')).toEqual(['startMs', 'feed'])
  })
})
