import { coinbaseAdvanced } from './coinbase/advanced.ts'
import { coinbaseExchange } from './coinbase/exchange.ts'
import { parseRestBook, restBookUrl } from './coinbase/rest.ts'
import type { PolledVenue } from './venue.ts'

export { RestBook } from './coinbase/rest.ts'

/**
 * Coinbase, three ways to the same books:
 *
 * | over               | books                                                     | a loss shows                                           |
 * |--------------------|-----------------------------------------------------------|--------------------------------------------------------|
 * | REST, polled       | whole, one a poll                                         | (nothing to lose)                                      |
 * | wire `exchange`    | `level2_batch`: a snapshot, then changes every 50 ms      | never by a number: crossed books, the ticker, trades   |
 * | wire `advanced`    | `level2`: a snapshot, then changes                        | by `sequence_num`, dense on each connection            |
 *
 * Trades and tickers come over `exchange`.
 */
export const coinbase: PolledVenue = {
  id: 'coinbase',
  hosts: [
    'api.exchange.coinbase.com',
    'ws-feed.exchange.coinbase.com',
    'api.coinbase.com',
    'advanced-trade-ws.coinbase.com',
  ],
  wires: [coinbaseExchange, coinbaseAdvanced],
  bookUrl: restBookUrl,
  parseBook: parseRestBook,
}
