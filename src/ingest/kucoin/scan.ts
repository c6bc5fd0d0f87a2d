import type { Levels } from '../levels.ts'
import {
  ascii,
  bufferOf,
  type JsonScan,
  scanExactly,
  scanObject,
  scanText,
  scanWhole,
  shapeOf,
  skipText,
} from '../reading/json-scan.ts'
import { isTimeMs } from '../reading/wire-words.ts'
import { type BookDelta, NO_NUMBER } from '../venue.ts'

/**
 * Reads changes of books, nearly all that KuCoin sends, straight from their bytes:
 *
 *     {"topic":"/market/level2:BTC-USDT","type":"message","subject":"trade.l2update","data":
 *      {"changes":{"asks":[["67993.3","1.2","14701689783"]],"bids":[]},"sequenceEnd":14701689783,
 *       "sequenceStart":14701689783,"symbol":"BTC-USDT","time":1729816425625}}
 *
 * In older frames the fields stand in another order and there is no time. What it answers is what the contract in
 * `frames.ts` says of the same bytes; what it does not know its way about in it leaves undefined.
 */
type Level2Scan = JsonScan & {
  readonly levels: Levels
  hasAsks: boolean
  symbol: string
  first: number
  last: number
  timeMs: number
}

const MESSAGE = ascii('"message"')
const SUBJECT = ascii('"trade.l2update"')
const TOPIC = ascii('"/market/level2:')
/** A row of price 0 moves the number on and changes nothing. */
const PRICELESS = ascii('["0","0",')
const NEXT_PRICELESS = ascii(',["0","0",')
const ROWS_END = ascii(']]')
const OPEN_BRACKET = ascii('[')
const CLOSE_BRACKET = ascii(']')
const COMMA = ascii(',')

const CHANGES = shapeOf<Level2Scan>({
  asks(scan) {
    scan.hasAsks = scanSide(scan, 'ask')
    return scan.hasAsks
  },
  // Where bids come first their rows would, too: the contract puts asks first.
  bids: (scan) => scan.hasAsks && scanSide(scan, 'bid'),
})

const DATA = shapeOf<Level2Scan>({
  changes: (scan) => scanObject(scan, CHANGES),
  sequenceEnd(scan) {
    scan.last = scanWhole(scan) ?? NO_NUMBER
    return scan.last !== NO_NUMBER
  },
  sequenceStart(scan) {
    scan.first = scanWhole(scan) ?? NO_NUMBER
    return scan.first !== NO_NUMBER
  },
  symbol(scan) {
    scan.symbol = scanText(scan) ?? ''
    return scan.symbol !== ''
  },
  'time?'(scan) {
    scan.timeMs = scanWhole(scan) ?? NO_NUMBER
    return isTimeMs(scan.timeMs)
  },
})

const FRAME = shapeOf<Level2Scan>({
  topic: scanTopic,
  type: (scan) => scanExactly(scan, MESSAGE),
  subject: (scan) => scanExactly(scan, SUBJECT),
  data: (scan) => scanObject(scan, DATA),
})

/** The change in a frame, its rows put to `levels`. Its time has not been held against our clock yet. */
export function scanLevel2(frame: Uint8Array, levels: Levels): BookDelta | undefined {
  const from = levels.length
  const bytes = bufferOf(frame)
  const scan: Level2Scan = {
    bytes,
    at: 0,
    levels,
    hasAsks: false,
    symbol: '',
    first: NO_NUMBER,
    last: NO_NUMBER,
    timeMs: NO_NUMBER,
  }
  const isRead = scanObject(scan, FRAME) && scan.at === bytes.length && scan.first <= scan.last
  if (!isRead) {
    levels.cutBack(from)
    return undefined
  }
  return {
    type: 'delta',
    symbol: scan.symbol,
    first: scan.first,
    last: scan.last,
    previous: NO_NUMBER,
    exchangeTimeMs: scan.timeMs === NO_NUMBER ? null : scan.timeMs,
    from,
    to: levels.length,
  }
}

function scanTopic(scan: JsonScan): boolean {
  const { at } = scan
  if (!scanExactly(scan, TOPIC)) return false
  scan.at = at
  return skipText(scan)
}

function scanSide(scan: Level2Scan, side: 'bid' | 'ask'): boolean {
  const end = scan.levels.scanRows(scan.bytes, scan.at, side, 1)
  if (end === -1) return scanWithPriceless(scan, side)
  scan.at = end
  return true
}

/** Rows of price 0, a third of all that are sent, alone or among others. */
function scanWithPriceless(scan: Level2Scan, side: 'bid' | 'ask'): boolean {
  if (!scanExactly(scan, OPEN_BRACKET)) return false
  do {
    const isRead = scanExactly(scan, PRICELESS)
      ? skipText(scan) && scanExactly(scan, CLOSE_BRACKET)
      : scanRun(scan, side)
    if (!isRead) return false
  } while (scanExactly(scan, COMMA))
  return scanExactly(scan, CLOSE_BRACKET)
}

/** The rows from here to the next one of price 0 or to the last one, read from a copy that has brackets around it. */
function scanRun(scan: Level2Scan, side: 'bid' | 'ask'): boolean {
  const { bytes, at, levels } = scan
  const rowsEnd = bytes.indexOf(ROWS_END, at)
  const priceless = bytes.indexOf(NEXT_PRICELESS, at)
  const end = priceless !== -1 && priceless < rowsEnd ? priceless : rowsEnd + 1
  if (end <= at) return false
  const rows = Buffer.concat([OPEN_BRACKET, bytes.subarray(at, end), CLOSE_BRACKET])
  scan.at = end
  return levels.scanRows(rows, 0, side, 1) === rows.length
}
