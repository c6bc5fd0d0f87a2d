import { dayOf } from '../day.ts'
import type { ExchangeListing } from '../exchange-listing.ts'
import type { ExchangeMarket } from '../exchange-market.ts'
import { ALL_LEVELS, bestOf, changedRows, joined, lastPrice, ordersOf, wholeRows } from '../market-rows.ts'
import { isoMicros, padded, stripped } from '../number-text.ts'
import { draw, keyOf, subKey } from '../random.ts'
import type { MadeTrade } from '../trade-times.ts'

/** Coinbase's texts. Its sockets pad prices and sizes to the product's steps, its level-2 REST book strips their zeros. */
export function bookBody(market: ExchangeMarket, stampMs: number, levelsMax: number): string {
  const { pricePlaces, sizePlaces } = market.listing
  const row = (price: number, size: number) =>
    `["${stripped(price, pricePlaces)}","${stripped(size, sizePlaces)}",${ordersOf(size)}]`
  return (
    `{"bids":[${wholeRows(market, 'bids', levelsMax, row)}],"asks":[${wholeRows(market, 'asks', levelsMax, row)}]` +
    `,"sequence":${market.sequence},"auction_mode":false,"auction":null,"time":"${isoMicros(stampMs, market.micros)}"}`
  )
}

/** {"type":"snapshot","product_id":"BTC-USD","asks":[["64934.09","0.1"]],"bids":[["64930.57","1.2"]],"time":"..."} */
export function snapshotText(market: ExchangeMarket, stampMs: number): string {
  const row = (price: number, size: number) => `["${priceText(market, price)}","${sizeText(market, size)}"]`
  return (
    `{"type":"snapshot","product_id":"${market.listing.symbol}",` +
    `"asks":[${wholeRows(market, 'asks', ALL_LEVELS, row)}],` +
    `"bids":[${wholeRows(market, 'bids', ALL_LEVELS, row)}],"time":"${isoMicros(stampMs, market.micros)}"}`
  )
}

/** {"type":"l2update","product_id":"BTC-USD","changes":[["buy","64930.57","0.5"]],"time":"2026-11-20T14:35:00.123456Z"} */
export function changesText(market: ExchangeMarket, stampMs: number, crossedAt: number | undefined): string {
  const change = (side: string) => (price: number, size: number) =>
    `["${side}","${priceText(market, price)}","${sizeText(market, size)}"]`
  const changes = joined(
    crossedAt === undefined ? '' : change('buy')(crossedAt, market.listing.lotUnits),
    changedRows(market, 'bids', change('buy')),
    changedRows(market, 'asks', change('sell')),
  )
  return (
    `{"type":"l2update","product_id":"${market.listing.symbol}",` +
    `"changes":[${changes}],"time":"${isoMicros(stampMs, market.micros)}"}`
  )
}

/** Its `side` is the maker's: of a taker who buys, `sell`. */
export function matchText(market: ExchangeMarket, trade: MadeTrade, type: string, aheadMs: number): string {
  const { symbol } = market.listing
  return (
    `{"type":"${type}","trade_id":${trade.id},"maker_order_id":"${orderId(symbol, trade.id, 0)}",` +
    `"taker_order_id":"${orderId(symbol, trade.id, 1)}","side":"${makerSide(trade)}",` +
    `"size":"${sizeText(market, trade.sizeUnits)}","price":"${priceText(market, trade.priceUnits)}",` +
    `"product_id":"${symbol}","sequence":${trade.sequence},"time":"${isoMicros(trade.timeMs + aheadMs, trade.micros)}"}`
  )
}

/** A row of a page of trades, newest first. */
export function tradeRow(market: ExchangeMarket, trade: MadeTrade): string {
  return (
    `{"trade_id":${trade.id},"side":"${makerSide(trade)}","size":"${sizeText(market, trade.sizeUnits)}",` +
    `"price":"${priceText(market, trade.priceUnits)}","time":"${isoMicros(trade.timeMs, trade.micros)}"}`
  )
}

/** Its `side` is the taker's: the other way round than a match says it of the same trade. */
export function tickerText(market: ExchangeMarket, trade: MadeTrade, aheadMs: number): string {
  const day = dayOf(market, market.timeMs, lastPrice(market))
  const { bid, ask } = bestOf(market)
  return (
    `{"type":"ticker","sequence":${trade.sequence},"product_id":"${market.listing.symbol}",` +
    `"price":"${priceText(market, trade.priceUnits)}","open_24h":"${priceText(market, day.openUnits)}",` +
    `"volume_24h":"${sizeText(market, day.volumeUnits)}","low_24h":"${priceText(market, day.lowUnits)}",` +
    `"high_24h":"${priceText(market, day.highUnits)}","volume_30d":"${sizeText(market, 30 * day.volumeUnits)}",` +
    `"best_bid":"${priceText(market, bid[0])}","best_bid_size":"${sizeText(market, bid[1])}",` +
    `"best_ask":"${priceText(market, ask[0])}","best_ask_size":"${sizeText(market, ask[1])}","side":"${trade.taker}",` +
    `"time":"${isoMicros(trade.timeMs + aheadMs, trade.micros)}","trade_id":${trade.id},` +
    `"last_size":"${sizeText(market, trade.sizeUnits)}"}`
  )
}

export function heartbeatText(market: ExchangeMarket, stampMs: number): string {
  const { lastTrade, sequence, listing } = market
  return (
    `{"type":"heartbeat","last_trade_id":${lastTrade?.id ?? 0},"product_id":"${listing.symbol}",` +
    `"sequence":${sequence},"time":"${isoMicros(stampMs, market.micros)}"}`
  )
}

export function productRow(listing: ExchangeListing): string {
  const { symbol, base, quote, pricePlaces, sizePlaces } = listing
  return (
    `{"id":"${symbol}","base_currency":"${base}","quote_currency":"${quote}",` +
    `"quote_increment":"${padded(1, pricePlaces)}","base_increment":"${padded(1, sizePlaces)}",` +
    `"display_name":"${symbol}","min_market_funds":"1","margin_enabled":false,"post_only":false,"limit_only":false,` +
    `"cancel_only":false,"status":"online","status_message":"","trading_disabled":false,"fx_stablecoin":false,` +
    `"max_slippage_percentage":"0.02000000","auction_mode":false,"high_bid_limit_percentage":""}`
  )
}

export function priceText({ listing }: ExchangeMarket, units: number): string {
  return padded(units, listing.pricePlaces)
}

export function sizeText({ listing }: ExchangeMarket, units: number): string {
  return padded(units, listing.sizePlaces)
}

export function makerSide({ taker }: MadeTrade): 'buy' | 'sell' {
  return taker === 'buy' ? 'sell' : 'buy'
}

/** Text of the form of a UUID. */
function orderId(symbol: string, trade: number, number: number): string {
  const key = subKey(keyOf(symbol), trade)
  const hex = [0, 1, 2, 3]
    .map((part) =>
      draw(key, 4 * number + part)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-')
}
