import { describe, expect, test } from 'vitest'
import { APART_MS, openTickerCheck, WITHIN_MS } from '../../../src/ingest/books/ticker-check.ts'
import { type Fate, type Fault, fateOf, somePositions } from '../coinbase/faults.ts'
import {
  framesByProduct,
  inBatches,
  type Playback,
  type Played,
  play,
  RECORDING,
} from '../coinbase/replay.ts'
import { describeRecorded } from '../recorded.ts'

describe('a ticker agrees with the book', () => {
  test('where it says what the book shows, by value', () => {
    expect(
      verdictOf('0 book 36905.9/36906', '10 ticker 36905.90/36906.00', '900 ticker 36905.90/36906.00'),
    ).toBe('ok')
    expect(agreedOf('0 book 36905.9/36906', '10 ticker 36905.90/36906.00')).toBe(10)
  })

  test('where it says what the book showed a moment ago', () => {
    expect(agreedOf('0 book 9/10', '1000 book 8/10', '1250 ticker 9/10')).toBe(1_250)
    expect(agreedOf('0 book 9/10', '1000 book 8/10', '1251 ticker 9/10')).toBeUndefined()
  })

  test('where it says what the book shows a moment later: then it was right when the ticker came', () => {
    expect(agreedOf('0 book 9/10', '1000 ticker 8/10', '1250 book 8/10')).toBe(1_000)
    expect(agreedOf('0 book 9/10', '1000 ticker 8/10', '1251 book 8/10')).toBeUndefined()
  })

  test('on each side by itself: its bid may come with one update and its ask with the next', () => {
    expect(agreedOf('0 book 9/10', '1000 ticker 8/11', '1020 book 8/10', '1070 book 9/11')).toBe(1_000)
  })

  test('up to the earlier of the moments at which its sides did', () => {
    expect(agreedOf('0 book 9/10', '1000 ticker 9/10', '2000 ticker 9/11')).toBe(1_000)
  })
})

describe('a ticker that nothing answers is a doubt', () => {
  const wrongBid = ['0 book 9/10', '1000 ticker 8/10']

  test('one is none: within one batch a price may go and come back', () => {
    expect(verdictOf(...wrongBid, '60000 time')).toBe('ok')
  })

  test('a second one at least as long after it fails the check, once nothing can answer it any more', () => {
    expect(APART_MS).toBe(250)
    expect(verdictOf(...wrongBid, '1249 ticker 8/10', '60000 time')).toBe('ok')
    expect(verdictOf(...wrongBid, '1250 ticker 7/10', `${1_250 + WITHIN_MS} time`)).toBe('ok')
    expect(verdictOf(...wrongBid, '1250 ticker 7/10', `${1_251 + WITHIN_MS} time`)).toBe('failed')
  })

  test('agreement between the two makes the second one the first', () => {
    expect(verdictOf(...wrongBid, '2000 ticker 9/10', '3000 ticker 8/10', '60000 time')).toBe('ok')
    expect(
      verdictOf(...wrongBid, '2000 ticker 9/10', '3000 ticker 8/10', '4000 ticker 8/10', '5000 time'),
    ).toBe('failed')
  })

  test('agreement on one side does not help the other', () => {
    expect(verdictOf('0 book 9/10', '1000 ticker 9/11', '2000 ticker 9/12', '3000 time')).toBe('failed')
  })

  test('doubts of different sides are not two of one', () => {
    expect(verdictOf('0 book 9/10', '1000 ticker 8/10', '2000 ticker 9/11', '60000 time')).toBe('ok')
  })

  test('an empty side of the book agrees with no price', () => {
    expect(verdictOf('0 book -/10', '1000 ticker 9/10', '2000 ticker 9/10', '3000 time')).toBe('failed')
  })

  test('failed once, it does not become right again', () => {
    expect(
      verdictOf(...wrongBid, '2000 ticker 8/10', '3000 time', '4000 ticker 9/10', '5000 ticker 9/10'),
    ).toBe('failed')
  })
})

describe('a ticker says nothing', () => {
  test('of a book that has had no update of known time: nobody knows how old it is', () => {
    const check = openTickerCheck()
    check.onBook({ bid: '9', ask: '10' }, null, 0)
    for (const atMs of [1_000, 2_000, 3_000]) check.onTicker({ bid: '1', ask: '2' }, null, atMs)
    expect(check.verdict(60_000)).toBe('ok')
  })

  test('where it is older than the book, as the first one after subscribing is', () => {
    const check = openTickerCheck()
    check.onBook({ bid: '9', ask: '10' }, 100_000, 0)
    for (const atMs of [1_000, 2_000, 3_000])
      check.onTicker({ bid: '1', ask: '2' }, 100_000 - WITHIN_MS - 1, atMs)
    expect(check.verdict(60_000)).toBe('ok')
    for (const atMs of [4_000, 5_000]) check.onTicker({ bid: '1', ask: '2' }, 100_000 - WITHIN_MS, atMs)
    expect(check.verdict(60_000)).toBe('failed')
  })

  test('of a side that it does not name', () => {
    expect(verdictOf('0 book 9/10', '1000 ticker -/10', '2000 ticker -/10', '60000 time')).toBe('ok')
  })
})

test('however many tickers and updates come, the oldest doubt is what counts', () => {
  const lines = Array.from({ length: 1_000 }, (_, n) => `${1_000 + n} ticker ${n + 100}/${n + 200}`)
  expect(verdictOf('0 book 9/10', ...lines, '2500 time')).toBe('failed')
  const updates = Array.from({ length: 1_000 }, (_, n) => `${1_000 + n} book ${n + 100}/10`)
  expect(verdictOf(...updates, '2000 ticker 1099/10', '2400 ticker 1099/10', '9000 time')).toBe('ok')
})

describeRecorded(RECORDING, () => {
  const ways: [string, (frames: Played[]) => readonly Played[], number][] = [
    ['as recorded, every change by itself', (frames) => frames, 100],
    ['in batches of 50 ms', inBatches, 200],
  ]
  describe.each(ways)('%s', (way, made, count) => {
    const products = () => [...framesByProduct().values()].map(made)

    test('no check of ten products ever fails, and every product but those that saw one old ticker has agreed', () => {
      const playbacks = products().map(play)
      expect(playbacks.filter(({ failedAtMs, crossedAtMs }) => failedAtMs ?? crossedAtMs)).toEqual([])
      expect(playbacks.filter(({ agreedAtMs }) => agreedAtMs !== undefined).length).toBe(8)
    })

    test('a frame that comes twice changes nothing', () => {
      expect(
        fates(products(), 'twice', count / 4).filter(({ wrongFromMs, foundBy }) => wrongFromMs ?? foundBy),
      ).toEqual([])
    })

    test.each(['lost', 'swapped'] as const)(
      'one frame %s: what two tickers tell is found by the heartbeat after, and nothing else is called wrong',
      (fault) => {
        const all = fates(products(), fault, fault === 'lost' ? count : count / 2)
        process.stderr.write(`${way}, one frame ${fault}, ${all.length} times: ${summary(all)}\n`)
        expect(all.filter(({ isFalseAlarm, isMissed }) => isFalseAlarm || isMissed)).toEqual([])
        if (fault === 'lost') expect(all.some(({ foundBy }) => foundBy !== undefined)).toBe(true)
      },
    )
  })
})

function fates(products: readonly (readonly Played[])[], fault: Fault, count: number): Fate[] {
  const truths = new Map<readonly Played[], Playback>(products.map((frames) => [frames, play(frames)]))
  return somePositions(products, `a frame ${fault}`, count).map(({ frames, at }) =>
    fateOf(frames, truths.get(frames)!, at, fault),
  )
}

/** `40 left the best price wrong: 9 found by a crossed book (median 1.6 s), ...` */
function summary(all: readonly Fate[]): string {
  const wrong = all.filter(({ wrongFromMs }) => wrongFromMs !== undefined)
  const lost = wrong.filter(({ foundBy }) => foundBy === undefined)
  const found = (by: Fate['foundBy']) =>
    wrong.filter(({ foundBy }) => foundBy === by).map((fate) => fate.foundAfterMs)
  const healed = lost.filter(({ isWrongAtEnd }) => !isWrongAtEnd).map(({ wrongMs }) => wrongMs)
  const open = lost.filter(({ isWrongAtEnd }) => isWrongAtEnd).map(({ wrongMs }) => wrongMs)
  return (
    `${wrong.length} left the best price wrong: ${counted(found('crossed'))} found by a crossed book, ` +
    `${counted(found('ticker'))} by the ticker, ${counted(healed)} healed by later changes, ` +
    `${counted(open)} still wrong when the recording ended`
  )
}

function counted(delaysMs: number[]): string {
  const sorted = delaysMs.sort((a, b) => a - b)
  if (sorted.length === 0) return '0'
  return `${sorted.length} (after ${(sorted[sorted.length >> 1]! / 1_000).toFixed(1)} s in the middle)`
}

/** Plays `1000 book 9/10`, `1000 ticker 9/10`, `1000 time`; `-` is no price. Every update is dated. */
function played(lines: readonly string[]) {
  const check = openTickerCheck()
  let nowMs = 0
  for (const line of lines) {
    const [at, what, prices = ''] = line.split(' ') as [string, string, string?]
    const [bid = null, ask = null] = prices.split('/').map((price) => (price === '-' ? null : price))
    nowMs = Number(at)
    if (what === 'book') check.onBook({ bid, ask }, nowMs, nowMs)
    if (what === 'ticker') check.onTicker({ bid, ask }, nowMs, nowMs)
    if (what === 'time') check.verdict(nowMs)
  }
  return { verdict: check.verdict(nowMs), agreedAtMs: check.agreedAtMs() }
}

function verdictOf(...lines: string[]): 'ok' | 'failed' {
  return played(lines).verdict
}

function agreedOf(...lines: string[]): number | undefined {
  return played(lines).agreedAtMs
}
