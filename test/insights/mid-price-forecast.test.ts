import { expect, test } from 'vitest'
import { walkForward } from '../../src/insights/formulas/walk-forward.ts'
import { midPriceForecast } from '../../src/insights/mid-price-forecast.ts'
import { ABOUT, at, openTables } from './tables.ts'

test('on a straight line the forecast goes on with it, and is judged against the naive one', async () => {
  const { db, putSamples } = openTables()
  putSamples(Array.from({ length: 3_000 }, (_, i) => (70_000 + i) / 100))
  const [answer] = await midPriceForecast.answer(db, ABOUT)
  expect(answer).toMatchObject({ fromMs: at('14:22:06'), toMs: at('14:37:05') })
  const { result } = answer!
  expect(result).toMatchObject({
    lastMid: '729.99',
    naiveForecast: '729.99',
    lastMidAt: '2026-11-20T14:37:05.000Z',
    forecastFor: '2026-11-20T14:38:05.000Z',
    ageMs: 7_000,
    samples: 900,
  })
  expect(result['forecast']).toBeCloseTo(730.59, 9)
  expect(result['slopePerSecond']).toBeCloseTo(0.01, 9)
  expect(result['r2']).toBeCloseTo(1, 9)
  const scores = result['scores'] as { over: string; n: number; mae: number; naiveMae: number }[]
  expect(scores.map(({ over, n }) => [over, n])).toEqual([
    ['15m', 14],
    ['1h', 49],
    ['6h', 49],
  ])
  expect(scores[2]!.mae).toBeCloseTo(0, 9)
  expect(scores[2]!.naiveMae).toBeCloseTo(0.6, 9)
})

test('the interval is the forecast plus the middle 95 % of its own past errors, from 30 of them on', async () => {
  const midsOf = (minutes: number) =>
    Array.from({ length: minutes * 60 + 6 }, (_, i) => 100 + Math.sin(i / 60))
  const answerOf = async (mids: readonly number[]) => {
    const { db, putSamples } = openTables()
    putSamples(mids)
    return (await midPriceForecast.answer(db, ABOUT))[0]!
  }
  const early = await answerOf(midsOf(30))
  expect(early.result['interval']).toBeNull()
  expect(early.rows[0]![0]![5]).toBe('not yet (29 of 30 errors)')

  const mids = midsOf(31)
  const { result } = await answerOf(mids)
  const walk = walkForward({ lookbackMs: 900_000, horizonMs: 60_000 })
  mids.forEach((mid, i) => {
    walk.add({ atMs: at('14:37:05') - (mids.length - 1 - i) * 1_000, mid })
  })
  const errors = walk.trials().map(({ error }) => error)
  errors.sort((a, b) => a - b)
  // R: quantile(errors, c(0.025, 0.975)), type 7: of 30, positions 0.725 and 28.275 counted from 0.
  const forecast = result['forecast'] as number
  const low = forecast + errors[0]! + 0.725 * (errors[1]! - errors[0]!)
  const high = forecast + errors[28]! + 0.275 * (errors[29]! - errors[28]!)
  const interval = result['interval'] as { low: number; high: number; errors: number }
  expect(interval.errors).toBe(30)
  expect(interval.low).toBeCloseTo(low, 9)
  expect(interval.high).toBeCloseTo(high, 9)
})

test('the textbook’s interval is that of ordinary least squares, whatever the past errors', async () => {
  const { db, putSamples } = openTables()
  putSamples([100, 100.5, 101, 101.25, 102])
  const [answer] = await midPriceForecast.answer(db, ABOUT)
  // Residual 0.1208, width sqrt(1 + 1/5 + 62²/10) = 19.63, t(0.95, 3) = 3.182: 130.4 ± 7.55.
  const { low, high } = answer!.result['olsInterval'] as { low: number; high: number }
  expect(low).toBeCloseTo(122.85, 2)
  expect(high).toBeCloseTo(137.95, 2)
})

test('one wild minute long ago changes the past errors, not the forecast', async () => {
  const forecastOf = async (wildness: number) => {
    const { db, putSamples } = openTables()
    putSamples(Array.from({ length: 3_600 }, (_, i) => (i < 60 ? 100 + wildness : 100) + (i % 7) / 100))
    return (await midPriceForecast.answer(db, ABOUT))[0]!.result
  }
  const [calm, wild] = [await forecastOf(0), await forecastOf(50)]
  expect(wild['forecast']).toBe(calm['forecast'])
  expect(wild['scores']).not.toEqual(calm['scores'])
})

test('with fewer than five samples there is no forecast, and it says so', async () => {
  const { db, putSamples } = openTables()
  putSamples([100, 101, 102, 103])
  const [answer] = await midPriceForecast.answer(db, ABOUT)
  expect(answer!.result).toEqual({
    forecast: null,
    reason: '4 of at least 5 samples in 15m',
    lastMid: '103',
    lastMidAt: '2026-11-20T14:37:05.000Z',
  })
  expect(answer!.rows[0]![0]!.at(-1)).toBe('no forecast: 4 of at least 5 samples in 15m')
})

test('a feed of crossed books only has no mid to forecast from', async () => {
  const { db, put } = openTables()
  put('top_of_book', { state: 'crossed', bid: '102', ask: '100' })
  const [answer] = await midPriceForecast.answer(db, ABOUT)
  expect(answer!.result).toMatchObject({ forecast: null, reason: 'no uncrossed mid' })
})

test('a price that does not move is forecast to stay, and R² says nothing', async () => {
  const { db, putSamples } = openTables()
  putSamples(Array<number>(300).fill(100.5))
  const [answer] = await midPriceForecast.answer(db, ABOUT)
  expect(answer!.result).toMatchObject({ forecast: 100.5, slopePerSecond: 0, r2: null })
})

test('feeds that ended at different times are each forecast from their own last sample', async () => {
  const { db, putSamples } = openTables()
  putSamples([1, 2, 3, 4, 5, 6], { product: 'ETH-USD', lastMs: at('02:00:00') })
  putSamples([10, 20, 30, 40, 50, 60])
  const answers = await midPriceForecast.answer(db, ABOUT)
  expect(answers.map(({ product, result }) => [product, result['lastMid'], result['forecastFor']])).toEqual([
    ['BTC-USD', '60', '2026-11-20T14:38:05.000Z'],
    ['ETH-USD', '6', '2026-11-20T02:01:00.000Z'],
  ])
  expect(answers[1]!.result['forecast']).toBeCloseTo(66, 9)
  expect(answers[1]!.rows[0]![0]!.at(-1)).toBe('its moment has passed')
})

test('a longer look-back and a nearer horizon are taken as asked', async () => {
  const { db, putSamples } = openTables()
  putSamples(Array.from({ length: 2_000 }, (_, i) => 100 + i))
  const asked = { ...ABOUT, forecastLookbackMs: 1_800_000, forecastHorizonMs: 10_000 }
  const [answer] = await midPriceForecast.answer(db, asked)
  expect(answer!.result).toMatchObject({ samples: 1_800, forecastFor: '2026-11-20T14:37:15.000Z' })
  expect(answer!.result['forecast']).toBeCloseTo(2_109, 6)
})
