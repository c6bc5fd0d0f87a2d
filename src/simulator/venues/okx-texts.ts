import { crc32 } from 'node:zlib'
import { dayOf } from '../day.ts'
import type { ExchangeListing } from '../exchange-listing.ts'
import type { ExchangeMarket } from '../exchange-market.ts'
import { bestOf, changedRows, joined, lastPrice, ordersOf, wholeRows } from '../market-rows.ts'
import { stripped } from '../number-text.ts'
import { type MadeTrade, tradeOfFill } from '../trade-times.ts'
import type { BookNumbers } from './okx-numbering.ts'

/**
 * OKX's texts: every number in quotes, no zeros at the end; a level is [price, size, "0", orders].
 *
 *   {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["64934.1","0.1","0","2"]],"bids":[],
 *    "ts":"1732199471000","checksum":0,"seqId":170,"prevSeqId":165}]}
 */
export function bookSnapshot(market: ExchangeMarket, timeMs: number, numbers: BookNumbers): string {
  const row = rowOf(market)
  const asks = wholeRows(market, 'asks', LEVELS_MAX, row)
  return bookText(market, 'snapshot', asks, wholeRows(market, 'bids', LEVELS_MAX, row), timeMs, numbers)
}

export function bookUpdate(
  market: ExchangeMarket,
  timeMs: number,
  numbers: BookNumbers,
  crossedAt: number | undefined,
): string {
  const row = rowOf(market)
  const crossed = crossedAt === undefined ? '' : row(crossedAt, market.listing.lotUnits)
  const bids = joined(crossed, changedRows(market, 'bids', row))
  return bookText(market, 'update', changedRows(market, 'asks', row), bids, timeMs, numbers)
}

export function stillThere(market: ExchangeMarket, timeMs: number, numbers: BookNumbers): string {
  return bookText(market, 'update', '', '', timeMs, numbers)
}

function bookText(
  { listing }: ExchangeMarket,
  action: string,
  asks: string,
  bids: string,
  timeMs: number,
  { checksum, sequence, previous }: BookNumbers,
): string {
  return (
    `{"arg":{"channel":"books","instId":"${listing.symbol}"},"action":"${action}","data":[{"asks":[${asks}],` +
    `"bids":[${bids}],"ts":"${timeMs}","checksum":${checksum},"seqId":${sequence},"prevSeqId":${previous}}]}`
  )
}

export const LEVELS_MAX = 400

/** What is answered to whoever asks for a book. */
export function bookBody(
  market: ExchangeMarket,
  timeMs: number,
  sequence: number,
  levelsMax: number,
): string {
  const row = rowOf(market)
  return (
    `{"asks":[${wholeRows(market, 'asks', levelsMax, row)}],"bids":[${wholeRows(market, 'bids', levelsMax, row)}],` +
    `"ts":"${timeMs}","seqId":${sequence}}`
  )
}

/** The signed CRC-32 of the best 25 levels: bid, ask, bid, ask ..., each `price:size`, what one side lacks left out. */
export function checksumOf(market: ExchangeMarket): number {
  const [bids, asks] = [market.top('bids', CHECKED), market.top('asks', CHECKED)]
  const parts: string[] = []
  for (let level = 0; level < CHECKED; level++) {
    for (const row of [bids[level], asks[level]]) {
      if (row !== undefined) parts.push(`${priceText(market, row[0])}:${sizeText(market, row[1])}`)
    }
  }
  return crc32(parts.join(':')) | 0
}

const CHECKED = 25

/** Its `side` is the taker's; `tradeId` that of the last of the `count` fills it adds up. */
export function tradeText(market: ExchangeMarket, trade: MadeTrade, aheadMs: number): string {
  const { symbol } = market.listing
  const count = trade.lastFill - trade.firstFill + 1
  const row = tradeRow(market, trade, trade.lastFill, trade.sizeUnits, aheadMs)
  return (
    `{"arg":{"channel":"trades","instId":"${symbol}"},"data":` +
    `[{${row},"count":"${count}","source":"0","seqId":${trade.sequence}}]}`
  )
}

/** A page of history, newest first, from that fill backwards: every fill by itself, however they were told of. */
export function fillPage(market: ExchangeMarket, newestFill: number, rows: number): string {
  const texts: string[] = []
  for (let fill = newestFill; fill >= 0 && texts.length < rows; fill--) {
    const trade = market.tradeOf(tradeOfFill(fill))!
    texts.push(`{${tradeRow(market, trade, fill, fillUnits(market, trade, fill), 0)},"source":"0"}`)
  }
  return texts.join(',')
}

/** The first fill of a trade takes what does not go into whole lots for all of them. */
function fillUnits({ listing }: ExchangeMarket, trade: MadeTrade, fill: number): number {
  const { firstFill, lastFill, sizeUnits } = trade
  const fills = lastFill - firstFill + 1
  const each = Math.floor(sizeUnits / listing.lotUnits / fills) * listing.lotUnits
  return fill === firstFill ? sizeUnits - (fills - 1) * each : each
}

function tradeRow(
  market: ExchangeMarket,
  { priceUnits, taker, timeMs }: MadeTrade,
  tradeId: number,
  sizeUnits: number,
  aheadMs: number,
): string {
  return (
    `"instId":"${market.listing.symbol}","tradeId":"${tradeId}","px":"${priceText(market, priceUnits)}",` +
    `"sz":"${sizeText(market, sizeUnits)}","side":"${taker}","ts":"${timeMs + aheadMs}"`
  )
}

export function tickerText(market: ExchangeMarket, timeMs: number): string {
  const { symbol, type } = market.listing
  const last = lastPrice(market)
  const day = dayOf(market, market.timeMs, last)
  const { bid, ask } = bestOf(market)
  const price = (units: number) => priceText(market, units)
  const size = (units: number) => sizeText(market, units)
  return (
    `{"arg":{"channel":"tickers","instId":"${symbol}"},"data":[{"instType":"${typeText(type)}","instId":"${symbol}",` +
    `"last":"${price(last)}","lastSz":"${size(market.lastTrade?.sizeUnits ?? 0)}","askPx":"${price(ask[0])}",` +
    `"askSz":"${size(ask[1])}","bidPx":"${price(bid[0])}","bidSz":"${size(bid[1])}","open24h":"${price(day.openUnits)}",` +
    `"high24h":"${price(day.highUnits)}","low24h":"${price(day.lowUnits)}","sodUtc0":"${price(day.openUnits)}",` +
    `"sodUtc8":"${price(day.openUnits)}","volCcy24h":"${price(day.quoteVolumeUnits)}",` +
    `"vol24h":"${size(day.volumeUnits)}","ts":"${timeMs}"}]}`
  )
}

export function instrumentText(listing: ExchangeListing): string {
  const { symbol, base, quote, type, tickUnits, lotUnits, pricePlaces, sizePlaces, contractValue } = listing
  const isSpot = type === 'spot'
  const inverse = type === 'inverse'
  return (
    `{"alias":"","baseCcy":"${isSpot ? base : ''}","category":"1","ctMult":"${isSpot ? '' : '1'}",` +
    `"ctType":"${isSpot ? '' : type}","ctVal":"${isSpot ? '' : contractValue}",` +
    `"ctValCcy":"${isSpot ? '' : inverse ? quote : base}","expTime":"","instFamily":"${isSpot ? '' : `${base}-${quote}`}",` +
    `"instId":"${symbol}","instType":"${typeText(type)}","lever":"10","listTime":"1548133413000",` +
    `"lotSz":"${stripped(lotUnits, sizePlaces)}","minSz":"${stripped(lotUnits, sizePlaces)}","optType":"",` +
    `"quoteCcy":"${isSpot ? quote : ''}","settleCcy":"${isSpot ? '' : inverse ? base : quote}","state":"live","stk":"",` +
    `"tickSz":"${stripped(tickUnits, pricePlaces)}","uly":"${isSpot ? '' : `${base}-${quote}`}"}`
  )
}

export function typeText(type: string): 'SPOT' | 'SWAP' {
  return type === 'spot' ? 'SPOT' : 'SWAP'
}

function rowOf(market: ExchangeMarket): (priceUnits: number, sizeUnits: number) => string {
  return (price, size) =>
    `["${priceText(market, price)}","${sizeText(market, size)}","0","${size === 0 ? 0 : ordersOf(size)}"]`
}

function priceText({ listing }: ExchangeMarket, units: number): string {
  return stripped(units, listing.pricePlaces)
}

function sizeText({ listing }: ExchangeMarket, units: number): string {
  return stripped(units, listing.sizePlaces)
}
