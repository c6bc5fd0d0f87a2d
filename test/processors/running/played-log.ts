import { crc32 } from 'node:zlib'
import type { Broker, OutgoingRecord } from '../../../src/broker/broker.ts'
import { type BookState, encodeBook, encodeLevels } from '../../../src/models/product-book.ts'
import { keepOriginal } from '../../../src/models/rejection.ts'
import type { SourceId } from '../../../src/models/scalars.ts'
import { encodeTicker } from '../../../src/models/ticker.ts'
import { encodeTrade } from '../../../src/models/trade.ts'
import { BOOKS, START_MS } from './rig.ts'

/**
 * Logs as text, a record a line: the time, what it is, and what it says.
 *
 *     14:30:00  up BTC-USD
 *     14:30:01  BTC-USD 100.00 101.00        a book: best bid, best ask
 *     14:30:02  hole BTC-USD h1              opens
 *     14:30:05  end BTC-USD h1               closes
 *     14:30:06  mark                         watched up to here
 *     14:30:07  bye                          and no further
 *     14:30:08  reject                       a rejection, on its own topic
 *
 * `r2:` before the time says that another run than r1 wrote it, `@mock` that another source than coinbase did, and `#trades`
 * or `#tickers` that it lies there, not among the books: `14:30:01 #trades  BTC-USD 100.00` is a trade.
 */
export function play(text: string, about: { partitions?: number } = {}): OutgoingRecord[] {
  const counts = new Map<string, number>()
  return text
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const [, run = 'r1', clock, source = 'coinbase', kind = 'books', words] =
        /^\s*(?:(\w+): )?(\d\d:\d\d:\d\d(?:\.\d+)?)(?: @(\w+))?(?: #(\w+))? +(.*?)\s*$/.exec(line) ?? []
      if (clock === undefined) throw new Error(`not a line of a log: ${line}`)
      const said = spoken(words!.split(/ +/), at(clock), run, source as SourceId, kind)
      return placesOf(said, kind, about.partitions ?? 1).map((place) => {
        const n = (counts.get(`${run} ${place.topic} ${place.partition}`) ?? 0) + 1
        counts.set(`${run} ${place.topic} ${place.partition}`, n)
        return { ...place, key: said.key, run, n, value: JSON.stringify(said.value) }
      })
    })
}

/** Publishes what `play` makes of the text. */
export async function write(broker: Broker, text: string): Promise<void> {
  const partitions = (await broker.topics()).find(({ topic }) => topic === BOOKS)!.partitions
  await broker.publish(play(text, { partitions }))
}

/** Milliseconds of a time on the day of the tests. */
export function at(clock: string): number {
  return Date.parse(`${new Date(START_MS).toISOString().slice(0, 10)}T${clock}Z`)
}

type Said = { readonly key: string | null; readonly value: Record<string, unknown> }

function spoken(words: readonly string[], atMs: number, run: string, source: SourceId, kind: string): Said {
  const [word = '', product = '', id = ''] = words
  const about = { venue: 'coinbase', source, run }
  switch (word) {
    case 'up':
      return { key: product, value: { type: 'up', ...about, product, atMs } }
    case 'mark':
    case 'bye':
      return { key: null, value: { type: 'mark', ...about, upToMs: atMs, bye: word === 'bye' } }
    case 'hole':
      return {
        key: product,
        value: { type: 'hole-open', ...about, product, id, fromMs: atMs, reason: 'stale' },
      }
    case 'end':
      return {
        key: product,
        value: { type: 'hole-close', ...about, product, id, toMs: atMs, backfilled: false },
      }
    case 'reject':
      return { key: 'coinbase', value: rejection(atMs) }
    default:
      if (kind !== 'books')
        return {
          key: word,
          value: JSON.parse(newsText(kind, { atMs, product: word, price: product, source })),
        }
      return {
        key: word,
        value: JSON.parse(bookText({ atMs, product: word, bid: product, ask: id, source })),
      }
  }
}

/** Marks concern every partition; anything else lies where its key says. */
function placesOf(
  { key, value }: Said,
  kind: string,
  partitions: number,
): { topic: string; partition: number }[] {
  if (value['type'] === 'rejection') return [{ topic: 'rejections', partition: 0 }]
  if (kind !== 'books') return [{ topic: `${kind}.coinbase`, partition: 0 }]
  if (key !== null) return [{ topic: BOOKS, partition: crc32(key) % partitions }]
  return Array.from({ length: partitions }, (_, partition) => ({ topic: BOOKS, partition }))
}

type News = {
  readonly atMs: number
  readonly product: string
  readonly price: string
  readonly source?: SourceId
  readonly receivedAtMs?: number
}

/** A trade or a ticker, as it travels. */
export function newsText(
  kind: string,
  { atMs, product, price, source = 'coinbase', receivedAtMs }: News,
): string {
  const about = {
    venue: 'coinbase',
    source,
    product,
    exchangeTimeMs: atMs,
    receivedAtMs: receivedAtMs ?? atMs,
  } as const
  if (kind === 'trades') {
    const trade = { id: `t-${atMs}`, price, size: '1', side: 'buy', fills: 1, backfilled: false } as const
    return encodeTrade({ type: 'trade', ...about, ...trade })
  }
  const best = { bid: null, bidSize: null, ask: null, askSize: null, day: null }
  return encodeTicker({ type: 'ticker', ...about, sequence: null, last: price, lastSize: null, ...best })
}

export type Quote = {
  readonly atMs: number
  readonly bid: string
  readonly ask: string
  readonly product?: string
  readonly source?: SourceId
  readonly sequence?: number | null
  readonly receivedAtMs?: number
  readonly exchangeTimeMs?: number | null
  readonly state?: BookState
}

/** A book of one level a side, as it travels. */
export function bookText(quote: Quote): string {
  const { atMs, bid, ask } = quote
  const order = Number(bid) - Number(ask)
  return encodeBook({
    type: 'book',
    venue: 'coinbase',
    source: quote.source ?? 'coinbase',
    product: quote.product ?? 'BTC-USD',
    sequence: quote.sequence === undefined ? atMs : quote.sequence,
    exchangeTimeMs: quote.exchangeTimeMs === undefined ? atMs : quote.exchangeTimeMs,
    receivedAtMs: quote.receivedAtMs ?? atMs,
    state: quote.state ?? (order < 0 ? 'ok' : order > 0 ? 'crossed' : 'locked'),
    bids: encodeLevels([[bid, '1', 1]]),
    asks: encodeLevels([[ask, '2', 1]]),
    bidLevels: 1,
    askLevels: 1,
    since: null,
  })
}

export function rejection(atMs: number, id = `bad-${atMs}`): Record<string, unknown> {
  return {
    type: 'rejection',
    id,
    kind: 'wrong-shape',
    path: 'bids[0][0]',
    message: 'expected a number above zero',
    venue: 'coinbase',
    source: 'coinbase',
    product: 'BTC-USD',
    receivedAtMs: atMs,
    original: keepOriginal(Buffer.from('{"bids":[["0","1",1]]}')),
  }
}
