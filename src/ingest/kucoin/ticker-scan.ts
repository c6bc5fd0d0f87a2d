import { isPositiveDecimal } from '../../models/decimal.ts'
import {
  ascii,
  bufferOf,
  type JsonScan,
  scanExactly,
  scanObject,
  scanText,
  scanWhole,
  shapeOf,
} from '../reading/json-scan.ts'
import { isTimeMs } from '../reading/wire-words.ts'
import { NO_NUMBER, type WireTicker } from '../venue.ts'

/**
 * Reads tickers straight from their bytes. Whoever wants one gets those of every product there is, many thousands a second:
 *
 *     {"topic":"/market/ticker:all","type":"message","subject":"ETH-USDT","data":{"bestAsk":"3786.45","bestAskSize":"1.2",
 *      "bestBid":"3786.42","bestBidSize":"0.3","price":"3786.42","sequence":"14701689790","size":"0.01","time":1729816425700}}
 *
 * What it answers is what the contract in `frames.ts` says of the same bytes; where anything is missing, zero or
 * otherwise not what it knows its way about in, it leaves it undefined.
 */
type TickerScan = JsonScan & Record<'symbol' | Decimal, string> & Record<'sequence' | 'timeMs', number>
type Decimal = 'last' | 'lastSize' | 'bid' | 'bidSize' | 'ask' | 'askSize'

const MESSAGE = ascii('"message"')
const TOPIC = ascii('"/market/ticker:all"')
const QUOTE = ascii('"')

const DATA = shapeOf<TickerScan>({
  bestAsk: (scan) => scanDecimal(scan, 'ask'),
  bestAskSize: (scan) => scanDecimal(scan, 'askSize'),
  bestBid: (scan) => scanDecimal(scan, 'bid'),
  bestBidSize: (scan) => scanDecimal(scan, 'bidSize'),
  price: (scan) => scanDecimal(scan, 'last'),
  sequence(scan) {
    if (!scanExactly(scan, QUOTE)) return false
    scan.sequence = scanWhole(scan) ?? NO_NUMBER
    return scan.sequence !== NO_NUMBER && scanExactly(scan, QUOTE)
  },
  size: (scan) => scanDecimal(scan, 'lastSize'),
  time(scan) {
    scan.timeMs = scanWhole(scan) ?? NO_NUMBER
    return isTimeMs(scan.timeMs)
  },
})

const FRAME = shapeOf<TickerScan>({
  topic: (scan) => scanExactly(scan, TOPIC),
  type: (scan) => scanExactly(scan, MESSAGE),
  subject(scan) {
    scan.symbol = scanText(scan) ?? ''
    return scan.symbol !== ''
  },
  data: (scan) => scanObject(scan, DATA),
})

/** The ticker in a frame. Its time has not been held against our clock yet. */
export function scanTicker(frame: Uint8Array): WireTicker | undefined {
  const bytes = bufferOf(frame)
  const scan: TickerScan = {
    bytes,
    at: 0,
    symbol: '',
    last: '',
    lastSize: '',
    bid: '',
    bidSize: '',
    ask: '',
    askSize: '',
    sequence: NO_NUMBER,
    timeMs: NO_NUMBER,
  }
  if (!scanObject(scan, FRAME) || scan.at !== bytes.length) return undefined
  const { symbol, timeMs: exchangeTimeMs, sequence, last, lastSize, bid, bidSize, ask, askSize } = scan
  return {
    type: 'ticker',
    symbol,
    exchangeTimeMs,
    sequence,
    last,
    lastSize,
    bid,
    bidSize,
    ask,
    askSize,
    day: null,
  }
}

/** A decimal above zero. */
function scanDecimal(scan: TickerScan, name: Decimal): boolean {
  const text = scanText(scan)
  if (text === undefined || !isPositiveDecimal(text)) return false
  scan[name] = text
  return true
}
