import { dayOf } from '../day.ts'
import type { ExchangeListing } from '../exchange-listing.ts'
import type { ExchangeMarket } from '../exchange-market.ts'
import { ALL_LEVELS, bestOf, changedRows, joined, lastPrice, wholeRows } from '../market-rows.ts'
import { isoMicros, isoMillis, padded } from '../number-text.ts'
import type { MadeTrade } from '../trade-times.ts'
import { makerSide, priceText, sizeText } from './coinbase-exchange-texts.ts'

/**
 * Advanced Trade's texts. Every frame of a connection has the next number, whatever it tells of.
 *
 *   {"channel":"l2_data","timestamp":"2026-11-20T14:35:00.123456789Z","sequence_num":7,"events":[{"type":"update",
 *    "product_id":"BTC-USD","updates":[{"side":"bid","event_time":"...","price_level":"64930.57","new_quantity":"0.5"}]}]}
 */
export function frameText(channel: string, stampMs: number, number: number, event: string): string {
  const time = `${isoMillis(stampMs)}${String(number % 1_000_000).padStart(6, '0')}Z`
  return `{"channel":"${channel}","timestamp":"${time}","sequence_num":${number},"events":[${event}]}`
}

export function bookEvent(symbol: string, type: string, updates: string): string {
  return `{"type":"${type}","product_id":"${symbol}","updates":[${updates}]}`
}

export function updatesText(market: ExchangeMarket, timeMs: number, crossedAt: number | undefined): string {
  const time = isoMicros(timeMs, market.micros)
  const update = (side: string) => (price: number, size: number) =>
    updateText(market, side, time, price, size)
  return joined(
    crossedAt === undefined ? '' : update('bid')(crossedAt, 1),
    changedRows(market, 'bids', update('bid')),
    changedRows(market, 'asks', update('offer')),
  )
}

/** Levels of a snapshot were changed at no time at all. */
export function snapshotText(market: ExchangeMarket): string {
  const update = (side: string) => (price: number, size: number) =>
    updateText(market, side, '1970-01-01T00:00:00Z', price, size)
  return `${wholeRows(market, 'bids', ALL_LEVELS, update('bid'))},${wholeRows(market, 'asks', ALL_LEVELS, update('offer'))}`
}

function updateText(market: ExchangeMarket, side: string, time: string, price: number, size: number): string {
  const quantity = size === 0 ? '0' : sizeText(market, size)
  return `{"side":"${side}","event_time":"${time}","price_level":"${priceText(market, price)}","new_quantity":"${quantity}"}`
}

export function tradesEvent(type: string, rows: readonly string[]): string {
  return `{"type":"${type}","trades":[${rows.join(',')}]}`
}

/** Its `side` is the maker's. */
export function tradeText(market: ExchangeMarket, trade: MadeTrade, ahead: number): string {
  return (
    `{"trade_id":"${trade.id}","product_id":"${market.listing.symbol}","price":"${priceText(market, trade.priceUnits)}",` +
    `"size":"${sizeText(market, trade.sizeUnits)}","side":"${makerSide(trade).toUpperCase()}",` +
    `"time":"${isoMicros(trade.timeMs + ahead, trade.micros)}"}`
  )
}

export function tickerEvent(type: string, market: ExchangeMarket): string {
  const last = lastPrice(market)
  const day = dayOf(market, market.timeMs, last)
  const { bid, ask } = bestOf(market)
  const change = ((last / day.openUnits - 1) * 100).toFixed(8)
  return (
    `{"type":"${type}","tickers":[{"type":"ticker","product_id":"${market.listing.symbol}",` +
    `"price":"${priceText(market, last)}","volume_24_h":"${sizeText(market, day.volumeUnits)}",` +
    `"low_24_h":"${priceText(market, day.lowUnits)}","high_24_h":"${priceText(market, day.highUnits)}",` +
    `"low_52_w":"${priceText(market, day.lowUnits)}","high_52_w":"${priceText(market, day.highUnits)}",` +
    `"price_percent_chg_24_h":"${change}","best_bid":"${priceText(market, bid[0])}",` +
    `"best_bid_quantity":"${sizeText(market, bid[1])}","best_ask":"${priceText(market, ask[0])}",` +
    `"best_ask_quantity":"${sizeText(market, ask[1])}"}]}`
  )
}

export function heartbeatEvent(timeMs: number, counter: number): string {
  const time = new Date(timeMs).toISOString()
  return `{"current_time":"${time.slice(0, 10)} ${time.slice(11, 23)}000000 +0000 UTC","heartbeat_counter":"${counter}"}`
}

export function productText({
  symbol,
  base,
  quote,
  pricePlaces,
  sizePlaces,
  homeUnits,
}: ExchangeListing): string {
  return (
    `{"product_id":"${symbol}","price":"${padded(homeUnits, pricePlaces)}",` +
    `"base_increment":"${padded(1, sizePlaces)}","quote_increment":"${padded(1, pricePlaces)}","base_name":"${base}",` +
    `"quote_name":"${quote}","is_disabled":false,"new":false,"status":"online","cancel_only":false,"limit_only":false,` +
    `"post_only":false,"trading_disabled":false,"auction_mode":false,"product_type":"SPOT",` +
    `"quote_currency_id":"${quote}","base_currency_id":"${base}","alias":"","alias_to":[],"view_only":false,` +
    `"price_increment":"${padded(1, pricePlaces)}","display_name":"${symbol}","product_venue":"CBE"}`
  )
}
