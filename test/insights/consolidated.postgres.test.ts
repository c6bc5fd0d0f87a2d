import { expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/broker/broker.ts'
import { consolidated } from '../../src/insights/consolidated.ts'
import type { FeedRecord } from '../../src/models/feed-records.ts'
import { encodeBook, encodeLevels } from '../../src/models/product-book.ts'
import type { SizeUnit, VenueId } from '../../src/models/scalars.ts'
import { type FeedKind, feedTopic } from '../../src/models/topics.ts'
import { openPostgresStore } from '../../src/store/postgres-store.ts'
import { openRig, START_MS } from '../processors/running/rig.ts'
import { withPostgres } from '../services/postgres.ts'

const ABOUT = {
  nowMs: START_MS + 5_000,
  windowsMs: [60_000, 300_000],
  forecastLookbackMs: 300_000,
  forecastHorizonMs: 60_000,
}

type Said =
  | {
      readonly venue: VenueId
      readonly product: string
      readonly bid: string
      readonly ask: string
      readonly unit?: SizeUnit
    }
  | FeedRecord

/** Books and words of venues about them, as they lie on each venue's topic. */
const SAID: readonly Said[] = [
  up('okx', 'BTC-USDT'),
  { venue: 'binance', product: 'BTC-USDT', bid: '64930.10', ask: '64930.2' },
  { venue: 'okx', product: 'BTC-USDT', bid: '64929', ask: '64929.9' },
  { venue: 'kucoin', product: 'BTC-USDT', bid: '64931', ask: '64932' },
  up('kucoin', 'BTC-USDT'),
  hole('kucoin', 'BTC-USDT'),
  { venue: 'okx', product: 'BTC-USD-PERP', bid: '64900', ask: '64901', unit: '0.01 BTC' },
  { venue: 'deribit', product: 'BTC-USD-PERP', bid: '64900', ask: '64902', unit: '10 USD' },
]

/** A hole of trades says nothing about books. */
const SAID_OF_TRADES: readonly Said[] = [up('okx', 'BTC-USDT'), hole('okx', 'BTC-USDT')]

withPostgres('the best bid and ask over venues', (freshDatabase) => {
  test('is the same from SQLite and from PostgreSQL, through log, processors and views', async () => {
    const sqlite = await openRig()
    await sqlite.broker.publish([
      ...SAID.map((said, i) => recordOn('books', said, i + 1)),
      ...SAID_OF_TRADES.map((said, i) => recordOn('trades', said, i + 1)),
    ])
    const store = await openPostgresStore({
      url: await freshDatabase(),
      monotonicMs: () => performance.now(),
    })
    const postgres = await openRig({ broker: sqlite.broker, store })
    await sqlite.run()
    await postgres.run()
    const [ours, theirs] = await Promise.all(
      [sqlite, postgres].map((rig) => consolidated.answer(rig.store.db, ABOUT)),
    )
    expect(theirs).toEqual(ours)
    expect(ours!.map(({ sentence }) => sentence)).toEqual([
      'BTC-USD-PERP (live): best bid is 64900 at deribit, okx and best ask is 64901 at okx: edge -1 (-0.1541 bps)',
      'BTC-USDT (live): best bid is 64930.1 at binance and best ask is 64929.9 at okx: edge 0.2 (0.0308 bps); ' +
        'crossed over venues; left out: kucoin (in a hole since 14:30:01.000)',
    ])
    expect(ours![0]!.result['bestBid']).toMatchObject({
      size: null,
      at: [{ unit: '10 USD' }, { unit: '0.01 BTC' }],
    })
  })
})

function up(venue: VenueId, product: string): FeedRecord {
  return { type: 'up', venue, source: venue, run: 'r1', product, atMs: START_MS }
}

function hole(venue: VenueId, product: string): FeedRecord {
  const about = { venue, source: venue, run: 'r1', product }
  return { type: 'hole-open', ...about, id: `${venue}-h1`, fromMs: START_MS + 1_000, reason: 'sequence-gap' }
}

function recordOn(kind: FeedKind, said: Said, n: number): OutgoingRecord {
  const key = 'product' in said ? said.product : null
  return { topic: feedTopic(kind, said.venue), partition: 0, key, run: 'r1', n, value: textOf(said) }
}

function textOf(said: Said): string {
  if ('type' in said) return JSON.stringify(said)
  const { venue, product, bid, ask, unit } = said
  return encodeBook({
    type: 'book',
    venue,
    source: venue,
    product,
    sequence: null,
    exchangeTimeMs: START_MS + 1_000,
    receivedAtMs: START_MS + 1_100,
    state: 'ok',
    bids: encodeLevels([[bid, '3', null]]),
    asks: encodeLevels([[ask, '1', null]]),
    bidLevels: 1,
    askLevels: 1,
    since: null,
    ...(unit === undefined ? {} : { unit }),
  })
}
