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
} from '../reading/json-scan.ts'
import { isTimeMs } from '../reading/wire-words.ts'
import { type BookDelta, type BookSnapshot, NO_NUMBER } from '../venue.ts'

/**
 * Reads books and their changes, nearly all that OKX sends, straight from their bytes:
 *
 *     {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["30249.4","0","0","0"]],
 *      "bids":[["30182.6","4.52","0","1"]],"ts":"1652459225464","checksum":0,"seqId":301,"prevSeqId":289}]}
 *
 * What it answers is what the contract in `frames.ts` says of the same bytes; what it does not know its way about in, a
 * checksum that is none of nothing among it, it leaves undefined.
 */
type BooksScan = JsonScan & {
  readonly levels: Levels
  isSnapshot: boolean
  hasAsks: boolean
  symbol: string
  seqId: number
  prevSeqId: number
  timeMs: number
}

const BOOKS = ascii('"books"')
const SNAPSHOT = ascii('"snapshot"')
const UPDATE = ascii('"update"')
const NO_CHECKSUM = ascii('0')
const NOTHING_BEFORE = ascii('-1')
const OPEN_BRACKET = ascii('[')
const CLOSE_BRACKET = ascii(']')
const QUOTE = ascii('"')

const ARG = shapeOf<BooksScan>({
  channel: (scan) => scanExactly(scan, BOOKS),
  instId(scan) {
    scan.symbol = scanText(scan) ?? ''
    return scan.symbol !== ''
  },
})

const BOOK = shapeOf<BooksScan>({
  asks(scan) {
    scan.hasAsks = scanSide(scan, 'ask')
    return scan.hasAsks
  },
  // Where bids come first their rows would, too: the contract puts asks first.
  bids: (scan) => scan.hasAsks && scanSide(scan, 'bid'),
  ts(scan) {
    if (!scanExactly(scan, QUOTE)) return false
    scan.timeMs = scanWhole(scan) ?? NO_NUMBER
    return isTimeMs(scan.timeMs) && scanExactly(scan, QUOTE)
  },
  'checksum?': (scan) => scanExactly(scan, NO_CHECKSUM),
  seqId(scan) {
    scan.seqId = scanWhole(scan) ?? NO_NUMBER
    return scan.seqId !== NO_NUMBER
  },
  prevSeqId(scan) {
    if (scanExactly(scan, NOTHING_BEFORE)) return true
    scan.prevSeqId = scanWhole(scan) ?? NO_NUMBER
    return scan.prevSeqId !== NO_NUMBER
  },
})

const FRAME = shapeOf<BooksScan>({
  arg: (scan) => scanObject(scan, ARG),
  action(scan) {
    scan.isSnapshot = scanExactly(scan, SNAPSHOT)
    return scan.isSnapshot || scanExactly(scan, UPDATE)
  },
  data: (scan) =>
    scanExactly(scan, OPEN_BRACKET) && scanObject(scan, BOOK) && scanExactly(scan, CLOSE_BRACKET),
})

/** The book or the change in a frame, its rows put to `levels`. Its time has not been held against our clock yet. */
export function scanBooks(frame: Uint8Array, levels: Levels): BookSnapshot | BookDelta | undefined {
  const from = levels.length
  const bytes = bufferOf(frame)
  const scan: BooksScan = {
    bytes,
    at: 0,
    levels,
    isSnapshot: false,
    hasAsks: false,
    symbol: '',
    seqId: NO_NUMBER,
    prevSeqId: NO_NUMBER,
    timeMs: NO_NUMBER,
  }
  const isRead = scanObject(scan, FRAME) && scan.at === bytes.length
  if (!isRead) {
    levels.cutBack(from)
    return undefined
  }
  const { symbol, seqId: last, timeMs: exchangeTimeMs } = scan
  const range = { from, to: levels.length }
  if (scan.isSnapshot) return { type: 'snapshot', symbol, last, exchangeTimeMs, whole: false, ...range }
  return { type: 'delta', symbol, first: NO_NUMBER, last, previous: scan.prevSeqId, exchangeTimeMs, ...range }
}

function scanSide(scan: BooksScan, side: 'bid' | 'ask'): boolean {
  scan.at = scan.levels.scanRows(scan.bytes, scan.at, side, 2)
  return scan.at !== -1
}
