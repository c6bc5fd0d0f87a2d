import { binanceFuturesBooks, binanceFuturesTrades, binanceSpot } from './binance/wires.ts'
import type { Venue } from './venue.ts'

/**
 * Binance: spot, and futures that are settled in dollars.
 *
 * | wire             | carries                                                             | a loss shows                       |
 * |------------------|---------------------------------------------------------------------|------------------------------------|
 * | `spot`           | books (`@depth@100ms`), trades (`@aggTrade`), tickers (`!miniTicker@arr`) | `U` is the `u` before it plus one; ids of trades are dense |
 * | `futures-books`  | books                                                               | `pu` is the `u` before it          |
 * | `futures-trades` | trades, tickers                                                     | ids of trades are dense            |
 *
 * Spot comes from the hosts that serve market data alone: they speak as stream.binance.com:9443 and api.binance.com do, also
 * to places that those do not serve (451). No keys are needed for any of this.
 */
export const binance: Venue = {
  id: 'binance',
  hosts: [
    'stream.binance.com',
    'data-stream.binance.vision',
    'api.binance.com',
    'data-api.binance.vision',
    'fstream.binance.com',
    'fapi.binance.com',
  ],
  wires: [binanceSpot, binanceFuturesBooks, binanceFuturesTrades],
}
