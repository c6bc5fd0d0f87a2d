import { expect, test } from 'vitest'
import { digestText, remainderText } from '../../src/alerts/digest-text.ts'
import { outboxAlert } from '../../src/alerts/outbox-text.ts'
import { NAUGHTY_LISTS } from './naughty.ts'
import { report, START_MS } from './reports.ts'

const cutOff = { kind: 'malformed-json', path: '', message: 'Unexpected end of JSON input' } as const

test('a digest counts its rejections by what is wrong where, and lists all ten', () => {
  const { title, text } = digestText([report(20, (ordinal) => (ordinal % 5 === 0 ? cutOff : {}))])
  const lines = text.split('\n')
  expect(title).toBe('1 digest: 10 rejections, #11 to #20')
  expect(lines.slice(0, 8)).toEqual([
    '8 x wrong-shape at bids[*][*], coinbase (simulator), 2026-11-20T14:35:11.000Z to 2026-11-20T14:35:19.000Z',
    '2 x malformed-json, coinbase (simulator), 2026-11-20T14:35:15.000Z to 2026-11-20T14:35:20.000Z',
    '',
    '2026-11-20T14:35:11.000Z  coinbase (simulator)  BTC-USD  wrong-shape at bids[0][0]',
    '  expected a number above zero',
    '  ingest-1-11',
    '2026-11-20T14:35:12.000Z  coinbase (simulator)  BTC-USD  wrong-shape at bids[1][0]',
    '  expected a number above zero',
  ])
  expect(lines.filter((line) => /^ {2}ingest-1-\d+$/.test(line))).toHaveLength(10)
})

test('one message may cover many digests: all are counted, the last five listed', () => {
  const reports = Array.from({ length: 8 }, (_, i) => report((i + 1) * 10))
  const { title, text } = digestText(reports, 300)
  expect(title).toBe('8 digests: 80 rejections, #1 to #80')
  expect(text).toContain('80 x wrong-shape')
  expect(text).toContain('The rejections of the 3 earlier digests are not listed here.')
  expect(text).toContain('300 digests before these were told to the log only.')
  expect(text.match(/ {2}ingest-1-\d+/g)).toHaveLength(50)
})

test('what no digest covers yet is told as such', () => {
  const { title, text } = remainderText(report(25, undefined, 5))
  expect(title).toBe('5 rejections since the last digest, #21 to #25')
  expect(text.split('\n')[0]).toBe('The digest is still open: it closes at #30.')
  expect(text.match(/ {2}ingest-1-\d+/g)).toHaveLength(5)
  expect(remainderText(report(21, undefined, 1)).title).toBe('1 rejection since the last digest, #21')
})

test.each(NAUGHTY_LISTS)('a rejection keeps to its three lines, whatever it says: %s', (_, texts) => {
  for (const text of texts) {
    const naughty = () => ({ message: text, path: text, product: text, id: text.slice(0, 200) })
    const lines = remainderText(report(1, naughty, 1)).text.split('\n')
    expect(lines, text).toHaveLength(6)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(100_300)
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
  }
})

test('a parked processor is told before digests, and more gravely', () => {
  const payload = {
    processor: 'max-spread',
    topic: 'books.coinbase',
    partition: 0,
    offset: 7,
    message: 'Error: x',
  }
  const parked = { id: 'parked:1', kind: 'parked', payload, doneBy: [] }
  const digest = { id: 'digest-10', kind: 'digest', payload: report(10), doneBy: [] }
  const alert = outboxAlert([digest, parked], 0, START_MS)
  expect(alert).toMatchObject({ id: 'digest-10-to-parked:1', severity: 'critical', atMs: START_MS })
  expect(alert.title).toBe('processor max-spread is parked; 1 digest: 10 rejections, #1 to #10')
  expect(alert.text).toContain(
    'It cannot pass offset 7 of books.coinbase/0; the others go on. It said: Error: x',
  )
})

test('a message of another version is shown as it is', () => {
  const message = { id: 'digest-10', kind: 'digest', payload: { pages: 3 }, doneBy: [] }
  expect(outboxAlert([message], 0, START_MS)).toMatchObject({
    title: 'message digest-10',
    text: '{"pages":3}',
  })
})
