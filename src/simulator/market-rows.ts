import type { ExchangeMarket } from './exchange-market.ts'

/** Levels of a made market as texts, whatever a venue's texts are. */

/** Those of a side that changed in the last step, best first, each as `write` puts it, with commas between. */
export function changedRows(
  market: ExchangeMarket,
  side: 'bids' | 'asks',
  write: (priceUnits: number, sizeUnits: number, beforeUnits: number, index: number) => string,
): string {
  const { rows, rowPlace, rowBefore, rowSize } = market[side]
  let text = ''
  for (let row = 0; row < rows; row++) {
    const place = rowPlace[row]!
    const price = side === 'bids' ? market.bidPrice(place) : market.askPrice(place)
    const written = write(price, rowSize[row]!, rowBefore[row]!, row)
    text = row === 0 ? written : `${text},${written}`
  }
  return text
}

/** At most so many of a side, best first. */
export function wholeRows(
  market: ExchangeMarket,
  side: 'bids' | 'asks',
  levelsMax: number,
  write: (priceUnits: number, sizeUnits: number) => string,
): string {
  return market
    .top(side, levelsMax)
    .map(([price, size]) => write(price, size))
    .join(',')
}

/** Parts of a list that may be empty, with commas between those that are not. */
export function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(',')
}

export const ALL_LEVELS = Number.POSITIVE_INFINITY

/** The best bid and the best ask: [price, size] in units. */
export function bestOf(market: ExchangeMarket) {
  return { bid: market.top('bids', 1)[0]!, ask: market.top('asks', 1)[0]! }
}

/** The price of the last trade, in units; where there has been none, the best bid. */
export function lastPrice(market: ExchangeMarket): number {
  return market.lastTrade?.priceUnits ?? market.bidPrice(market.bids.first)
}

/** How many single orders a level is made of. */
export function ordersOf(sizeUnits: number): number {
  return 1 + (sizeUnits % 7)
}
