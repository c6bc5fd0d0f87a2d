import { dayOf } from '../day.ts'
import type { ExchangeListing } from '../exchange-listing.ts'
import type { ExchangeMarket } from '../exchange-market.ts'
import { bestOf, changedRows, joined, wholeRows } from '../market-rows.ts'
import { padded } from '../number-text.ts'
import type { MadeTrade } from '../trade-times.ts'

/**
 * Binance's texts: spot pads every number to eight places, futures to the places of the product's steps.
 *
 *   spot    {"e":"depthUpdate","E":1732199471000,"s":"BTCUSDT","U":157,"u":160,"b":[["0.00240000","10.00000000"]],"a":[]}
 *   futures {"e":"depthUpdate","E":1732199471010,"T":1732199471000,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[],"a":[]}
 */
export function depthText(market: ExchangeMarket, timeMs: number, crossedAt: number | undefined): string {
  const { symbol } = market.listing
  const row = rowOf(market)
  const crossed = crossedAt === undefined ? '' : row(crossedAt, market.listing.lotUnits)
  return (
    `{"e":"depthUpdate","E":${timeMs},${isSpot(market) ? '' : `"T":${timeMs},`}"s":"${symbol}",` +
    `"U":${firstUpdate(market)},"u":${market.sequence},${isSpot(market) ? '' : `"pu":${market.previousSequence},`}` +
    `"b":[${joined(crossed, changedRows(market, 'bids', row))}],"a":[${changedRows(market, 'asks', row)}]}`
  )
}

/** Futures' numbers jump between two changes; spot's never do. */
function firstUpdate({ listing, previousSequence }: ExchangeMarket): number {
  return previousSequence + 1 + (listing.type === 'spot' ? 0 : previousSequence & 7)
}

export function snapshotText(market: ExchangeMarket, timeMs: number, levelsMax: number): string {
  const row = rowOf(market)
  const times = isSpot(market) ? '' : `"E":${timeMs},"T":${market.timeMs},`
  return (
    `{"lastUpdateId":${market.sequence},${times}"bids":[${wholeRows(market, 'bids', levelsMax, row)}],` +
    `"asks":[${wholeRows(market, 'asks', levelsMax, row)}]}`
  )
}

export function bookTickerText(market: ExchangeMarket, timeMs: number): string {
  const { symbol } = market.listing
  const { bid, ask } = bestOf(market)
  const prices =
    `"b":"${priceText(market, bid[0])}","B":"${sizeText(market, bid[1])}",` +
    `"a":"${priceText(market, ask[0])}","A":"${sizeText(market, ask[1])}"`
  return isSpot(market)
    ? `{"u":${market.sequence},"s":"${symbol}",${prices}}`
    : `{"e":"bookTicker","u":${market.sequence},"s":"${symbol}",${prices},"T":${market.timeMs},"E":${timeMs}}`
}

/** On a stream; where `eventMs` is absent, as a row of a page. */
export function aggTradeText(market: ExchangeMarket, trade: MadeTrade, eventMs?: number): string {
  const head = eventMs === undefined ? '' : `"e":"aggTrade","E":${eventMs},"s":"${market.listing.symbol}",`
  return (
    `{${head}"a":${trade.id},"p":"${priceText(market, trade.priceUnits)}","q":"${sizeText(market, trade.sizeUnits)}",` +
    `"f":${trade.firstFill},"l":${trade.lastFill},"T":${trade.timeMs},"m":${trade.taker === 'sell'}` +
    `${isSpot(market) ? ',"M":true' : ''}}`
  )
}

export function miniTickerText(market: ExchangeMarket, eventMs: number, lastUnits: number): string {
  const day = dayOf(market, eventMs, lastUnits)
  return (
    `{"e":"24hrMiniTicker","E":${eventMs},"s":"${market.listing.symbol}","c":"${priceText(market, lastUnits)}",` +
    `"o":"${priceText(market, day.openUnits)}","h":"${priceText(market, day.highUnits)}",` +
    `"l":"${priceText(market, day.lowUnits)}","v":"${sizeText(market, day.volumeUnits)}",` +
    `"q":"${priceText(market, day.quoteVolumeUnits)}"}`
  )
}

/** One product in `exchangeInfo`, with what anybody looks at. */
export function infoText(listing: ExchangeListing): string {
  const { base, quote, symbol, tickUnits, lotUnits, type } = listing
  const tick = priceText({ listing }, tickUnits)
  const lot = sizeText({ listing }, lotUnits)
  const filters =
    `[{"filterType":"PRICE_FILTER","minPrice":"${tick}","maxPrice":"1000000.00000000","tickSize":"${tick}"},` +
    `{"filterType":"LOT_SIZE","minQty":"${lot}","maxQty":"9000.00000000","stepSize":"${lot}"}]`
  return type === 'spot'
    ? `{"symbol":"${symbol}","status":"TRADING","baseAsset":"${base}","baseAssetPrecision":8,"quoteAsset":"${quote}",` +
        `"quotePrecision":8,"quoteAssetPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],"icebergAllowed":true,` +
        `"ocoAllowed":true,"isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":${filters},"permissions":[]}`
    : `{"symbol":"${symbol}","pair":"${base}${quote}","contractType":"PERPETUAL","deliveryDate":4133404800000,` +
        `"onboardDate":1569398400000,"status":"TRADING","baseAsset":"${base}","quoteAsset":"${quote}",` +
        `"marginAsset":"${quote}","underlyingType":"COIN","filters":${filters}}`
}

function isSpot({ listing }: ExchangeMarket): boolean {
  return listing.type === 'spot'
}

function rowOf(market: ExchangeMarket): (priceUnits: number, sizeUnits: number) => string {
  return (price, size) => `["${priceText(market, price)}","${sizeText(market, size)}"]`
}

function priceText({ listing }: Pick<ExchangeMarket, 'listing'>, units: number): string {
  const text = padded(units, listing.pricePlaces)
  return listing.type === 'spot' ? text + ZEROS[listing.pricePlaces]! : text
}

function sizeText({ listing }: Pick<ExchangeMarket, 'listing'>, units: number): string {
  const text = padded(units, listing.sizePlaces)
  return listing.type === 'spot' ? text + ZEROS[listing.sizePlaces]! : text
}

/** What is missing to eight places. */
const ZEROS = Array.from({ length: 9 }, (_, places) => (places === 0 ? '.00000000' : '0'.repeat(8 - places)))
