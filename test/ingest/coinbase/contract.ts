import { expect } from 'vitest'
import { coinbase, RestBook } from '../../../src/ingest/coinbase.ts'
import type { BodyAbout } from '../../../src/ingest/venue.ts'
import { compare, decimalOf } from '../../../src/models/decimal.ts'
import { parseIsoTime } from '../../../src/models/time.ts'

export const LEVELS_MAX = 3
export const about: BodyAbout = {
  source: 'coinbase',
  product: 'BTC-USD',
  receivedAtMs: parseIsoTime('2026-11-20T14:31:11Z')!,
  levelsMax: LEVELS_MAX,
}

/** What the schema alone says of a body: no scanner, no shortcuts. */
function byContract(body: Buffer): unknown {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    return { kind: 'malformed-json', path: '' }
  }
  const read = RestBook.safeParse(json)
  if (!read.success) return { kind: 'wrong-shape', path: pathText(read.error.issues[0]!.path) }
  const { bids, asks, sequence, time, auction_mode } = read.data
  const timeMs = time === undefined ? null : parseIsoTime(time)!
  if (timeMs !== null && timeMs > about.receivedAtMs + 60_000) return { kind: 'future-time', path: 'time' }
  const order = compare(decimalOf(bids[0]![0]), decimalOf(asks[0]![0]))
  const state = order < 0 ? 'ok' : order > 0 ? 'crossed' : 'locked'
  const top = (levels: typeof bids) =>
    JSON.stringify(levels.slice(0, LEVELS_MAX).map(([price, size, orders]) => [price, size, Number(orders)]))
  return {
    type: 'book',
    venue: 'coinbase',
    source: about.source,
    product: about.product,
    sequence,
    exchangeTimeMs: timeMs,
    receivedAtMs: about.receivedAtMs,
    state: auction_mode === true ? 'indicative' : state,
    bids: top(bids),
    asks: top(asks),
    bidLevels: bids.length,
    askLevels: asks.length,
    since: null,
  }
}

/** Whatever way a body is read, what comes of it is what the schema says. */
export function expectAgreement(body: string | Buffer): void {
  const bytes = Buffer.from(body)
  const read = coinbase.parseBook(bytes, about)
  const answer = 'book' in read ? read.book : { kind: read.refusal.kind, path: read.refusal.path }
  expect(answer).toEqual(byContract(bytes))
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}
