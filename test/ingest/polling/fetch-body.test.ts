import { expect, test } from 'vitest'
import { coinbase } from '../../../src/ingest/coinbase.ts'
import { retryAfterMs } from '../../../src/ingest/polling/fetch-body.ts'
import { sourceOf } from '../../../src/ingest/source.ts'

const nowMs = Date.parse('2026-11-20T14:35:00Z')

test.each<[string, string | null, number | undefined]>([
  ['seconds', '120', 120_000],
  ['none at all', '0', 0],
  ['a date', 'Fri, 20 Nov 2026 14:36:30 GMT', 90_000],
  ['a date that is over', 'Fri, 20 Nov 2026 14:00:00 GMT', 0],
  ['nothing', null, undefined],
  ['a word', 'soon', undefined],
  ['a negative number', '-5', undefined],
  ['a fraction', '1.5', undefined],
])('Retry-After may be %s', (_, header, expected) => {
  expect(retryAfterMs(header, nowMs)).toBe(expected)
})

test.each([
  ['https://api.exchange.coinbase.com', 'coinbase'],
  ['https://api.exchange.coinbase.com.example.org', 'simulator'],
  ['http://api.exchange.coinbase.com', 'simulator'],
  ['https://api-public.sandbox.exchange.coinbase.com', 'simulator'],
  ['http://127.0.0.1:8080', 'simulator'],
])('what comes from %s is written by %s', (baseUrl, source) => {
  expect(sourceOf(coinbase, baseUrl)).toBe(source)
})
