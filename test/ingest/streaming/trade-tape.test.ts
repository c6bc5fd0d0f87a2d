import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TradeTape } from '../../../src/ingest/streaming/trade-tape.ts'
import type { TradeRules, WireTrade } from '../../../src/ingest/venue.ts'

/**
 * A line an event, each a second after the one before: what happens, then what is said of it. Numbers are ids of trades;
 * `answer` is what was asked for, `beat` a heartbeat that names the last trade there was.
 */
describe('trades whose ids have no gaps, which can be asked for', () => {
  test('each goes through once, in the order it came', () => {
    expect(play('live | 7 | 8 | 8 | 7 | 9')).toEqual(['0 good', '1 trade 7', '2 trade 8', '5 trade 9'])
  })

  test('the first there is has nothing before it', () => {
    expect(play('live | 1000')).toEqual(['0 good', '1 trade 1000'])
  })

  test('one that comes without a yes is a yes', () => {
    expect(play('7')).toEqual(['0 good, trade 7'])
  })

  test('what is left out is asked for, and ends the hole when it is there', () => {
    expect(play('live | 7 | 10 | answer 8 9 | 11')).toEqual([
      '0 good',
      '1 trade 7',
      '2 lost from 1: lost-trades, trade 10 in hole, asks 8-9',
      '3 trade 8 in hole late, trade 9 in hole late, good from 2, all of it',
      '4 trade 11',
    ])
  })

  test('an answer in any order, with more than was asked for, gives what was missing in order and nothing else', () => {
    expect(play('live | 7 | 10 | answer 11 10 9 8 7')[3]).toBe(
      '3 trade 8 in hole late, trade 9 in hole late, good from 2, all of it',
    )
  })

  test('it is asked on until all is there', () => {
    expect(play('live | 7 | 12 | answer 8 9 | answer 10 11').slice(3)).toEqual([
      '3 trade 8 in hole late, trade 9 in hole late, asks 10-11',
      '4 trade 10 in hole late, trade 11 in hole late, good from 2, all of it',
    ])
  })

  test('what cannot be had ends the hole all the same, which was not back-filled then', () => {
    for (const nothing of ['answer', 'answer 3', 'no answer']) {
      expect(play(`live | 7 | 10 | ${nothing}`)[3]).toBe('3 good from 2')
    }
  })

  test('a page that brings nothing gives up what was asked for, and nothing beyond', () => {
    expect(play('live | 7 | 10 | 12 | answer | answer 11').slice(3)).toEqual([
      '3 lost from 2: lost-trades, trade 12 in hole',
      '4 asks 11-11',
      '5 trade 11 in hole late, good from 3',
    ])
  })

  test('one that comes late fills its own gap', () => {
    expect(play('live | 7 | 9 | 8 | answer 8 | 10')).toEqual([
      '0 good',
      '1 trade 7',
      '2 lost from 1: lost-trades, trade 9 in hole, asks 8-8',
      '3 trade 8 in hole, good from 2, all of it',
      '5 trade 10',
    ])
  })

  test('a gap that shows while another is asked for joins its hole, and is asked for after it', () => {
    expect(play('live | 7 | 9 | 12 | answer 8 | answer 10 11').slice(2)).toEqual([
      '2 lost from 1: lost-trades, trade 9 in hole, asks 8-8',
      '3 lost from 2: lost-trades, trade 12 in hole',
      '4 trade 8 in hole late, asks 10-11',
      '5 trade 10 in hole late, trade 11 in hole late, good from 3, all of it',
    ])
  })

  test('of more than can be had in time nothing is asked for', () => {
    expect(play('live | 7 | 200000')[2]).toBe('2 lost from 1: lost-trades, trade 200000 in hole, good from 2')
  })

  test('what an outage cost is asked for at once; where it cost nothing, its hole ends with it', () => {
    expect(play('live | 7 | cut 1 | live | answer')).toEqual([
      '0 good',
      '1 trade 7',
      '2 lost from 1: disconnected',
      '3 asks 8-1007',
      '4 good from 3, all of it',
    ])
  })

  test('what an outage cost is had, page by page, until a page brings nothing', () => {
    expect(play('live | 7 | cut 1 | live | answer 8 9 | answer 10 | answer | 11').slice(3)).toEqual([
      '3 asks 8-1007',
      '4 trade 8 in hole late, trade 9 in hole late, asks 10-1009',
      '5 trade 10 in hole late, asks 11-1010',
      '6 good from 3, all of it',
      '7 trade 11',
    ])
  })

  test('where nobody answers what an outage cost, the next trade tells', () => {
    expect(play('live | 7 | cut 1 | live | no answer | 8').slice(4)).toEqual([
      '5 trade 8 in hole, good from 3, all of it',
    ])
    expect(play('live | 7 | cut 1 | live | no answer | 10 | answer 8 9').slice(4)).toEqual([
      '5 lost from 3: lost-trades, trade 10 in hole, asks 8-9',
      '6 trade 8 in hole late, trade 9 in hole late, good from 5, all of it',
    ])
  })

  test('a trade that comes before the answer tells what the answer would', () => {
    expect(play('live | 7 | cut 1 | live | 8 | answer 8').slice(4)).toEqual([
      '4 trade 8 in hole, good from 3, all of it',
    ])
    expect(play('live | 7 | cut 1 | live | 10 | answer 8 9 10').slice(4)).toEqual([
      '4 lost from 3: lost-trades, trade 10 in hole',
      '5 trade 8 in hole late, trade 9 in hole late, good from 4, all of it',
    ])
  })

  test('an answer from before another outage says nothing about that one', () => {
    expect(play('live | 7 | cut 1 | live | cut 4 | live | answer | answer 8 | answer').slice(3)).toEqual([
      '3 asks 8-1007',
      '4 lost from 4: disconnected',
      '6 asks 8-1007',
      '7 trade 8 in hole late, asks 9-1008',
      '8 good from 5, all of it',
    ])
  })

  test('without a trade before it nobody can say what an outage cost', () => {
    expect(play('live | cut 1 | live | 7')).toEqual([
      '0 good',
      '1 lost from 1: disconnected',
      '2 good from 2',
      '3 trade 7',
    ])
  })

  test('while the line is cut nothing is asked for and no hole ends', () => {
    expect(play('live | 7 | 10 | cut 2 | answer 8 | live | answer | answer 9').slice(3)).toEqual([
      '3 lost from 2: disconnected',
      '4 trade 8 in hole late',
      '5 asks 11-1010',
      '6 asks 9-9',
      '7 trade 9 in hole late, good from 5, all of it',
    ])
  })

  test('a trade that cannot be read shows by the next one', () => {
    expect(play('live | 7 | rejected | 9').slice(2)).toEqual([
      '3 lost from 1: lost-trades, trade 9 in hole, asks 8-8',
    ])
  })

  test('a venue that numbers anew is found out, and what it sent meanwhile is a hole', () => {
    const anew = Array.from({ length: 501 }, (_, i) => String(i + 1)).join(' | ')
    expect(play(`live | 100000 | ${anew} | 502`).slice(2)).toEqual([
      '502 lost from 1: lost-trades, good from 502',
      '503 trade 502',
    ])
  })
})

describe('trades whose ids have no gaps, where a heartbeat names the last one', () => {
  test('one that has come is a sign that nothing is missing', () => {
    expect(play('live | 7 | beat 7 | 9 | no answer').slice(2)).toEqual([
      '3 lost from 2: lost-trades, trade 9 in hole, asks 8-8',
      '4 good from 3',
    ])
  })

  test('one that has not come may be on its way until the next heartbeat', () => {
    expect(play('live | 7 | beat 8 | 8 | beat 8').slice(2)).toEqual(['3 trade 8'])
    expect(play('live | 7 | beat 9 | beat 9 | answer 8 9').slice(2)).toEqual([
      '3 lost from 1: lost-trades, asks 8-9',
      '4 trade 8 in hole late, trade 9 in hole late, good from 3, all of it',
    ])
  })

  test('it tells what an outage cost where no trade comes', () => {
    expect(play('live | 7 | cut 1 | live | no answer | beat 7').slice(4)).toEqual([
      '5 good from 3, all of it',
    ])
  })

  test('it says which trade was the last before the first that comes', () => {
    expect(play('live | beat 7 | 9 | answer 8').slice(1)).toEqual([
      '2 lost from 1: lost-trades, trade 9 in hole, asks 8-8',
      '3 trade 8 in hole late, good from 2, all of it',
    ])
  })

  test('one without a number, or with one that is none, is only a sign of life', () => {
    expect(play('live | beat | beat x | 7')).toEqual(['0 good', '3 trade 7'])
  })
})

describe('trades that stand for several fills, with the id of the last', () => {
  const byFill = { ids: 'dense-by-fill', backfill } as const

  test('the one before has the id before the first fill', () => {
    expect(play('live | 7 | 10x3 | 12x1', byFill)).toEqual([
      '0 good',
      '1 trade 7',
      '2 trade 10',
      '3 lost from 2: lost-trades, trade 12 in hole, asks 11-11',
    ])
  })

  test('what is missing may come as single fills', () => {
    expect(play('live | 7 | 12x2 | answer 8 9 10', byFill)[3]).toBe(
      '3 trade 8 in hole late, trade 9 in hole late, trade 10 in hole late, good from 2, all of it',
    )
  })

  test('one that comes late fills all that it stands for', () => {
    expect(play('live | 7 | 11 | 10x3 | 10x3', byFill).slice(3)).toEqual([
      '3 trade 10 in hole, good from 2, all of it',
    ])
  })
})

describe('trades whose ids only tell them apart', () => {
  const opaque = { ids: 'opaque' } as const

  test('each goes through once', () => {
    expect(play('live | b | a | b', opaque)).toEqual(['0 good', '1 trade b', '2 trade a'])
  })

  test('an outage is a hole to its end, which nobody can fill', () => {
    expect(play('live | a | cut 1 | live | a | b', opaque)).toEqual([
      '0 good',
      '1 trade a',
      '2 lost from 1: disconnected',
      '3 good from 3',
      '5 trade b',
    ])
  })

  test('one that cannot be read is a hole since the one before', () => {
    expect(play('live | a | rejected | b | rejected', opaque).slice(2)).toEqual([
      '2 lost from 1: bad-answer, good from 2',
      '3 trade b',
      '4 lost from 3: bad-answer, good from 4',
    ])
  })
})

describe('trades without gaps that cannot be asked for', () => {
  const alone = { ids: 'dense' } as const

  test('a gap is a hole from the trade before to the trade behind', () => {
    expect(play('live | 7 | 9', alone)[2]).toBe('2 lost from 1: lost-trades, trade 9 in hole, good from 2')
  })

  test('what an outage cost is told by the next trade', () => {
    expect(play('live | 7 | cut 1 | live | 8', alone).slice(3)).toEqual([
      '4 trade 8 in hole, good from 3, all of it',
    ])
    expect(play('live | 7 | cut 1 | live | 9', alone).slice(3)).toEqual([
      '4 lost from 3: lost-trades, trade 9 in hole, good from 4',
    ])
  })
})

test('whatever is lost, repeated, reordered or cut: what the venue still has is published once, in one hole an outage', () => {
  const step = fc.record({
    does: fc.constantFrom('send', 'send', 'send', 'drop', 'repeat', 'swap', 'cut', 'live', 'answer', 'none'),
    count: fc.integer({ min: 1, max: 4 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const rig = tapeOf({ ids: 'dense', backfill })
      rig.tape.live(0)
      let id = 0
      let atMs = 0
      let canHave = true
      const take = (one: number) => rig.tape.take(tradeOf(String(one)), atMs)
      const answer = () => {
        const asked = rig.asked.shift()
        if (asked === undefined) return
        const ids = Array.from({ length: Math.max(0, Math.min(asked.toId, id) - asked.fromId + 1) })
        rig.tape.backfilled(
          ids.slice(0, 3).map((_, i) => tradeOf(String(asked.fromId + i))),
          atMs,
        )
      }
      for (const { does, count } of steps) {
        atMs += 1_000
        if (does === 'send') for (let i = 0; i < count; i++) take(++id)
        if (does === 'drop') id += count
        if (does === 'repeat' && id > 0) take(id)
        if (does === 'swap') {
          id += 2
          take(id)
          take(id - 1)
        }
        if (does === 'cut') rig.tape.cut('disconnected', atMs)
        if (does === 'live') rig.tape.live(atMs)
        if (does === 'answer') answer()
        if (does === 'none' && rig.asked.shift() !== undefined) {
          canHave = false
          rig.tape.unavailable()
        }
      }
      take(++id)
      while (rig.asked.length > 0) answer()
      expect(rig.tape.isInHole).toBe(false)
      expect(new Set(rig.published).size).toBe(rig.published.length)
      const first = Math.min(...rig.published)
      if (canHave) expect(rig.published.length).toBe(id - first + 1)
      expect(rig.isOutOfTurn).toBe(false)
    }),
  )
})

type Asked = { fromId: number; toId: number }

function backfill(): never {
  throw new Error('asking is for the test to do')
}

function rulesOf({ ids, backfill: has }: { ids: TradeRules['ids']; backfill?: unknown }): TradeRules {
  if (has === undefined) return { ids }
  return { ids, backfill: { request: backfill, parse: backfill } }
}

function tapeOf(rules: { ids: TradeRules['ids']; backfill?: unknown }) {
  const words: string[] = []
  const asked: Asked[] = []
  const published: number[] = []
  let isOpen = false
  let isOutOfTurn = false
  const tape: TradeTape = new TradeTape({
    rules: rulesOf(rules),
    onTrade(trade, _, isBackfilled) {
      words.push(`trade ${trade.id}${tape.isInHole ? ' in hole' : ''}${isBackfilled ? ' late' : ''}`)
      published.push(Number(trade.id))
    },
    backfill(missing) {
      words.push(`asks ${missing.fromId}-${missing.toId}`)
      asked.push(missing)
    },
    onGood(atMs, complete) {
      const isEnd = isOpen
      isOpen = false
      if (tape.isInHole) isOutOfTurn = true
      words.push(isEnd ? `good from ${atMs / 1_000}${complete ? ', all of it' : ''}` : 'good')
    },
    onLost(reason, fromMs) {
      isOpen = true
      words.push(`lost from ${fromMs / 1_000}: ${reason}`)
    },
  })
  return {
    tape,
    words,
    asked,
    published,
    get isOutOfTurn() {
      return isOutOfTurn
    },
  }
}

function play(
  script: string,
  rules: { ids: TradeRules['ids']; backfill?: unknown } = { ids: 'dense', backfill },
): string[] {
  const { tape, words } = tapeOf(rules)
  return script.split(' | ').flatMap((step, second) => {
    words.length = 0
    happen(tape, step.split(' '), second * 1_000)
    return words.length === 0 ? [] : [`${second} ${words.join(', ')}`]
  })
}

function happen(tape: TradeTape, [does = '', ...rest]: readonly string[], atMs: number): void {
  if (does === 'live') tape.live(atMs)
  else if (does === 'cut') tape.cut('disconnected', Number(rest[0]) * 1_000)
  else if (does === 'beat') tape.heartbeat(rest[0], atMs)
  else if (does === 'rejected') tape.rejected(atMs)
  else if (does === 'no') tape.unavailable()
  else if (does === 'answer') tape.backfilled(rest.map(tradeOf), atMs)
  else tape.take(tradeOf(does), atMs)
}

/** `7`, or `10x3`: with three fills. */
function tradeOf(text: string): WireTrade {
  const [id, fills = '1'] = text.split('x') as [string, string?]
  return {
    type: 'trade',
    symbol: 'BTCUSD',
    id,
    price: '100',
    size: '1',
    side: 'buy',
    fills: Number(fills),
    exchangeTimeMs: 0,
  }
}
