import { describe, expect, test } from 'vitest'
import type { Alert } from '../../../src/alerts/alert.ts'
import { StreamTelling } from '../../../src/ingest/streaming/stream-telling.ts'
import { virtualTimers } from '../../../src/models/virtual-timers.ts'

describe('what people are told of a venue', () => {
  test('one product that it refuses is named', async () => {
    const { telling, timers, alerts } = rig()
    telling.refused('books', 'LUNA-USD', 'LUNA-USD is not a valid product')
    await timers.advanceBy(1_000)
    expect(alerts).toMatchObject([
      {
        id: 'r-1',
        title: 'coinbase refuses books of LUNA-USD',
        text: 'It answered: LUNA-USD is not a valid product\nThe others go on.',
      },
    ])
  })

  test('many that it refuses at once are one message for each kind of news, and the first of them are named', async () => {
    const { telling, timers, alerts } = rig()
    for (let i = 0; i < 2_000; i++) {
      telling.refused('books', `P${i}-USD`, 'no more')
      telling.refused('trades', `P${i}-USD`, 'no more')
      if (i === 1_000) await timers.advanceBy(900)
    }
    await timers.advanceBy(1_000)
    const first = Array.from({ length: 20 }, (_, i) => `P${i}-USD`).join(', ')
    expect(alerts.map(({ title }) => title)).toEqual([
      `coinbase refuses books of ${first} and 1980 more`,
      `coinbase refuses trades of ${first} and 1980 more`,
    ])
  })

  test('what is refused later is told later', async () => {
    const { telling, timers, alerts } = rig()
    telling.refused('books', 'A-USD', 'no')
    await timers.advanceBy(1_000)
    telling.refused('books', 'B-USD', 'no')
    await timers.advanceBy(1_000)
    expect(alerts.map(({ title }) => title)).toEqual(
      ['A-USD', 'B-USD'].map((of) => `coinbase refuses books of ${of}`),
    )
  })

  test('nothing is left untold at the end', async () => {
    const { telling, timers, alerts } = rig()
    telling.refused('books', 'A-USD', 'no')
    telling.refused('tickers', 'A-USD', 'no')
    await telling.told()
    expect(alerts).toHaveLength(2)
    expect(timers.waiting).toBe(0)
  })

  test('of many products that it does not list the first are named', () => {
    const { telling, alerts } = rig()
    telling.unknown(Array.from({ length: 21 }, (_, i) => `P${i}-USD`))
    expect(alerts[0]!.title).toMatch(/^coinbase does not list P0-USD, .*, P19-USD and 1 more$/)
  })

  test('a log that is too slow is their business', () => {
    const { telling, alerts } = rig()
    telling.overloaded(200_000)
    expect(alerts).toMatchObject([
      { title: 'The coinbase ingestor drops what it receives', severity: 'critical' },
    ])
  })
})

function rig() {
  const timers = virtualTimers(0)
  const alerts: Alert[] = []
  const tell = async (alert: Alert) => void alerts.push(alert)
  return { timers, alerts, telling: new StreamTelling({ run: 'r', venue: { id: 'coinbase' }, timers, tell }) }
}
