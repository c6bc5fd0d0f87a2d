import { dayOf } from '../day.ts'
import type { ExchangeListing } from '../exchange-listing.ts'
import type { ExchangeMarket } from '../exchange-market.ts'
import { ALL_LEVELS, bestOf, changedRows, joined, lastPrice, wholeRows } from '../market-rows.ts'
import { erlangFloat } from '../number-text.ts'
import type { MadeTrade } from '../trade-times.ts'

/**
 * Deribit's texts: numbers are JSON numbers as Erlang writes floats, levels are [what happened, price, amount].
 *
 *   {"type":"change","timestamp":1732199471000,"prev_change_id":165,"instrument_name":"BTC-PERPETUAL","change_id":170,
 *    "bids":[["delete",36779.0,0.0],["new",36809.5,2.5487e5]],"asks":[]}
 */
export function changeData(market: ExchangeMarket, timeMs: number, crossedAt: number | undefined): string {
  const crossed = crossedAt === undefined ? '' : rowText(market, 'new', crossedAt, market.listing.lotUnits)
  const row = (price: number, size: number, before: number) =>
    rowText(market, size === 0 ? 'delete' : before === 0 ? 'new' : 'change', price, size)
  const bids = joined(crossed, changedRows(market, 'bids', row))
  return (
    `{"type":"change","timestamp":${timeMs},"prev_change_id":${market.previousSequence},` +
    `"instrument_name":"${market.listing.symbol}","change_id":${market.sequence},"bids":[${bids}],` +
    `"asks":[${changedRows(market, 'asks', row)}]}`
  )
}

export function noticeText(channel: string, data: string): string {
  return `{"jsonrpc":"2.0","method":"subscription","params":{"channel":"${channel}","data":${data}}}`
}

export function snapshotData(market: ExchangeMarket, timeMs: number): string {
  const row = (price: number, size: number) => rowText(market, 'new', price, size)
  return (
    `{"type":"snapshot","timestamp":${timeMs},"instrument_name":"${market.listing.symbol}",` +
    `"change_id":${market.sequence},"bids":[${wholeRows(market, 'bids', ALL_LEVELS, row)}],` +
    `"asks":[${wholeRows(market, 'asks', ALL_LEVELS, row)}]}`
  )
}

/** What is answered to whoever asks for a book: its levels and what the ticker says. */
export function bookResult(market: ExchangeMarket, timeMs: number, levelsMax: number): string {
  const row = (price: number, size: number) => `[${priceText(market, price)},${sizeText(market, size)}]`
  return (
    `${tickerData(market, timeMs).slice(0, -1)},"change_id":${market.sequence},` +
    `"bids":[${wholeRows(market, 'bids', levelsMax, row)}],"asks":[${wholeRows(market, 'asks', levelsMax, row)}]}`
  )
}

export function tickerData(market: ExchangeMarket, timeMs: number): string {
  const last = lastPrice(market)
  const day = dayOf(market, market.timeMs, last)
  const { bid, ask } = bestOf(market)
  const mark = priceText(market, Math.round((bid[0] + ask[0]) / 2))
  const price = (units: number) => priceText(market, units)
  const isPerpetual = market.listing.type !== 'spot'
  const ofPerpetuals = isPerpetual
    ? `"funding_8h":2.55e-6,"estimated_delivery_price":${mark},"current_funding":0.0,`
    : ''
  const change = ((last / day.openUnits - 1) * 100).toFixed(4)
  return (
    `{"timestamp":${timeMs},"stats":{"volume_usd":${price(day.quoteVolumeUnits)},"volume":${sizeText(market, day.volumeUnits)},` +
    `"price_change":${Number(change)},"low":${price(day.lowUnits)},"high":${price(day.highUnits)}},"state":"open",` +
    `"settlement_price":${price(day.openUnits)},"open_interest":${sizeText(market, day.volumeUnits)},` +
    `"min_price":${price(day.lowUnits)},"max_price":${price(day.highUnits)},"mark_price":${mark},"last_price":${price(last)},` +
    `"instrument_name":"${market.listing.symbol}","index_price":${mark},${ofPerpetuals}` +
    `"best_bid_price":${price(bid[0])},"best_bid_amount":${sizeText(market, bid[1])},` +
    `"best_ask_price":${price(ask[0])},"best_ask_amount":${sizeText(market, ask[1])}}`
  )
}

/** Its `direction` is the taker's. */
export function tradeData(market: ExchangeMarket, trade: MadeTrade, aheadMs: number): string {
  const price = priceText(market, trade.priceUnits)
  return (
    `{"trade_seq":${trade.id},"trade_id":"${trade.lastFill}","timestamp":${trade.timeMs + aheadMs},` +
    `"tick_direction":${trade.id % 4},"price":${price},"mark_price":${price},` +
    `"instrument_name":"${market.listing.symbol}","index_price":${price},"direction":"${trade.taker}",` +
    `"amount":${sizeText(market, trade.sizeUnits)}}`
  )
}

export function instrumentText(listing: ExchangeListing): string {
  const { symbol, base, quote, type, pricePlaces, sizePlaces, tickUnits, lotUnits } = listing
  const isSpot = type === 'spot'
  const settled = type === 'inverse' ? base : quote
  return (
    `{"tick_size":${erlangFloat(tickUnits, pricePlaces)},"taker_commission":5.0e-4,` +
    `${isSpot ? '' : '"settlement_period":"perpetual",'}"settlement_currency":"${settled}","rfq":false,"quote_currency":"${quote}",` +
    `"price_index":"${base.toLowerCase()}_${quote.toLowerCase()}","min_trade_amount":${erlangFloat(lotUnits, sizePlaces)},` +
    `"maker_commission":0.0,"kind":"${isSpot ? 'spot' : 'future'}","is_active":true,` +
    `"instrument_type":"${type === 'inverse' ? 'reversed' : 'linear'}","instrument_name":"${symbol}","instrument_id":1,` +
    `"expiration_timestamp":32503708800000,"creation_timestamp":1534242287000,"counter_currency":"${quote}",` +
    `"contract_size":${erlangFloat(lotUnits, sizePlaces)},"base_currency":"${base}"}`
  )
}

function rowText(market: ExchangeMarket, what: string, price: number, size: number): string {
  return `["${what}",${priceText(market, price)},${sizeText(market, size)}]`
}

function priceText({ listing }: ExchangeMarket, units: number): string {
  return erlangFloat(units, listing.pricePlaces)
}

function sizeText({ listing }: ExchangeMarket, units: number): string {
  return erlangFloat(units, listing.sizePlaces)
}
