import type { ExchangeListing } from '../exchange-listing.ts'
import type { ExchangeMarket } from '../exchange-market.ts'
import { bestOf, changedRows, joined, lastPrice, wholeRows } from '../market-rows.ts'
import { padded, stripped } from '../number-text.ts'
import { draw, keyOf, subKey } from '../random.ts'
import type { MadeTrade } from '../trade-times.ts'

/**
 * KuCoin's texts: no zeros at the end of a number, rows of changes with a number of their own, some of which say nothing
 * but that.
 *
 *   {"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":{"changes":{"asks":[["64934.1",
 *    "0.1","170"]],"bids":[]},"sequenceEnd":170,"sequenceStart":165,"symbol":"BTC-USDT","time":1732199471000}}
 */
export function changesText(market: ExchangeMarket, timeMs: number, crossedAt: number | undefined): string {
  const { symbol, lotUnits } = market.listing
  const first = market.previousSequence + 1
  const asks = market.asks.rows
  const row = (offset: number) => (price: number, size: number, _: number, index: number) =>
    `["${priceText(market, price)}","${sizeText(market, size)}","${Math.min(first + offset + index, market.sequence)}"]`
  const bids = joined(
    crossedAt === undefined ? '' : row(0)(crossedAt, lotUnits, 0, 0),
    changedRows(market, 'bids', row(asks)),
    market.step % HIDDEN_EVERY === 0 ? `["0","0","${market.sequence}"]` : '',
  )
  return (
    `{"type":"message","topic":"/market/level2:${symbol}","subject":"trade.l2update","data":{"changes":{` +
    `"asks":[${changedRows(market, 'asks', row(0))}],"bids":[${bids}]},` +
    `"sequenceEnd":${market.sequence},"sequenceStart":${first},"symbol":"${symbol}","time":${timeMs}}}`
  )
}

const HIDDEN_EVERY = 3

export function bookText(market: ExchangeMarket, timeMs: number, levelsMax: number): string {
  const row = (price: number, size: number) => `["${priceText(market, price)}","${sizeText(market, size)}"]`
  return (
    `{"time":${timeMs},"sequence":"${market.sequence}","bids":[${wholeRows(market, 'bids', levelsMax, row)}],` +
    `"asks":[${wholeRows(market, 'asks', levelsMax, row)}]}`
  )
}

export function tickerData(market: ExchangeMarket, timeMs: number): string {
  const { bid, ask } = bestOf(market)
  return (
    `{"bestAsk":"${priceText(market, ask[0])}","bestAskSize":"${sizeText(market, ask[1])}",` +
    `"bestBid":"${priceText(market, bid[0])}","bestBidSize":"${sizeText(market, bid[1])}",` +
    `"price":"${priceText(market, lastPrice(market))}","sequence":"${market.sequence}",` +
    `"size":"${sizeText(market, market.lastTrade?.sizeUnits ?? 0)}","time":${timeMs}}`
  )
}

/** Its `side` is the taker's, its `time` in nanoseconds. */
export function matchText(market: ExchangeMarket, trade: MadeTrade, aheadMs: number): string {
  const { symbol } = market.listing
  return (
    `{"type":"message","topic":"/market/match:${symbol}","subject":"trade.l3match","data":{` +
    `"makerOrderId":"${hexId(symbol, trade.id, 0)}","price":"${priceText(market, trade.priceUnits)}",` +
    `"sequence":"${trade.sequence}","side":"${trade.taker}","size":"${sizeText(market, trade.sizeUnits)}",` +
    `"symbol":"${symbol}","takerOrderId":"${hexId(symbol, trade.id, 1)}","time":"${nanos(trade, aheadMs)}",` +
    `"tradeId":"${hexId(symbol, trade.id, 2)}","type":"match"}}`
  )
}

/** The newest trades up to one, the oldest of them first. */
export function historyText(market: ExchangeMarket, lastId: number, rows: number): string {
  return Array.from({ length: Math.min(rows, lastId + 1) }, (_, back) => market.tradeOf(lastId - back)!)
    .toReversed()
    .map(
      (trade) =>
        `{"sequence":"${trade.sequence}","price":"${priceText(market, trade.priceUnits)}",` +
        `"size":"${sizeText(market, trade.sizeUnits)}","side":"${trade.taker}","time":${nanos(trade, 0)}}`,
    )
    .join(',')
}

export function symbolText(listing: ExchangeListing): string {
  const { symbol, base, quote, pricePlaces, sizePlaces } = listing
  return (
    `{"symbol":"${symbol}","name":"${symbol}","baseCurrency":"${base}","quoteCurrency":"${quote}",` +
    `"feeCurrency":"${quote}","market":"USDS","baseMinSize":"${padded(1, sizePlaces)}","quoteMinSize":"0.1",` +
    `"baseMaxSize":"10000000000","quoteMaxSize":"99999999","baseIncrement":"${padded(1, sizePlaces)}",` +
    `"quoteIncrement":"0.000001","priceIncrement":"${padded(1, pricePlaces)}","priceLimitRate":"0.1","minFunds":"0.1",` +
    `"isMarginEnabled":false,"enableTrading":true}`
  )
}

function nanos(trade: MadeTrade, aheadMs: number): string {
  return `${trade.timeMs + aheadMs}${String(trade.micros + 1_000).slice(1)}000`
}

/** 24 hexadecimal digits. */
function hexId(symbol: string, trade: number, number: number): string {
  const key = subKey(keyOf(symbol), trade)
  return [0, 1, 2]
    .map((part) =>
      draw(key, 4 * number + part)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('')
}

function priceText({ listing }: ExchangeMarket, units: number): string {
  return stripped(units, listing.pricePlaces)
}

function sizeText({ listing }: ExchangeMarket, units: number): string {
  return stripped(units, listing.sizePlaces)
}
