import { TIME_MS_MIN } from '../../models/scalars.ts'
import type { Levels } from '../levels.ts'
import { bufferOf, type JsonScan, scanExactly, scanWhole, skipText } from '../reading/json-scan.ts'
import { futureFault } from '../reading/reading.ts'
import type { FrameAbout, WireEvent } from '../venue.ts'
import { bookEvents } from './advanced-frames.ts'
import { endOfSymbol, NONE, scanLevel, stands } from './row-scan.ts'
import { scanTimeMs } from './time.ts'

/**
 * Reads the frames of `l2_data`, of which a snapshot has some 5 MB, straight from their bytes, in the one spelling the venue is
 * known to use (`client_id` may be left out):
 *
 *   {"channel":"l2_data","client_id":"","timestamp":"...","sequence_num":5,"events":[{"type":"update","product_id":"BTC-USD",
 *    "updates":[{"side":"offer","event_time":"2026-11-20T14:31:10.1Z","price_level":"64934.09","new_quantity":"0"},...]},...]}
 *
 * It only ever says yes, and then says what `advanced-frames.ts` says; whatever else it leaves undefined for that.
 */
export function scanFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] | undefined {
  // Every byte looked at follows one that is not this brace: nothing is read beyond the end.
  if (frame[frame.length - 1] !== CLOSE_BRACE) return undefined
  const from = about.levels.length
  const scan: JsonScan = { bytes: bufferOf(frame), at: 0 }
  const number = scanHead(scan)
  const events = number === undefined ? undefined : scanEvents(scan, about)
  if (events !== undefined) return [{ type: 'numbered', number: number! }, ...events]
  about.levels.cutBack(from)
  return undefined
}

const CHANNEL = Buffer.from('{"channel":"l2_data",')
const CLIENT_ID = Buffer.from('"client_id":"",')
const TIMESTAMP = Buffer.from('"timestamp":')
const SEQUENCE_NUM = Buffer.from(',"sequence_num":')
const EVENTS = Buffer.from(',"events":[')
const SNAPSHOT = Buffer.from('{"type":"snapshot","product_id":"')
const UPDATE = Buffer.from('{"type":"update","product_id":"')
const UPDATES = Buffer.from('","updates":[')
const END = Buffer.from(']}')
const BID = Buffer.from('{"side":"bid","event_time":"')
const OFFER = Buffer.from('{"side":"offer","event_time":"')
const PRICE_LEVEL = Buffer.from('","price_level":"')
const NEW_QUANTITY = Buffer.from(',"new_quantity":"')

const CLOSE_BRACE = 0x7d
const QUOTE = 0x22
const COMMA = 0x2c

/** The frame's number; moves to its first event. */
function scanHead(scan: JsonScan): number | undefined {
  if (!scanExactly(scan, CHANNEL)) return undefined
  scanExactly(scan, CLIENT_ID)
  if (!scanExactly(scan, TIMESTAMP) || !skipText(scan) || !scanExactly(scan, SEQUENCE_NUM)) return undefined
  const number = scanWhole(scan)
  return number !== undefined && scanExactly(scan, EVENTS) ? number : undefined
}

/** All events, the frame's end behind them. */
function scanEvents(scan: JsonScan, about: FrameAbout): readonly WireEvent[] | undefined {
  const events: WireEvent[] = []
  do {
    const some = scanEvent(scan, about)
    if (some === undefined) return undefined
    events.push(...some)
  } while (scan.bytes[scan.at++] === COMMA)
  scan.at--
  return scanExactly(scan, END) && scan.at === scan.bytes.length ? events : undefined
}

function scanEvent(scan: JsonScan, { levels, receivedAtMs }: FrameAbout): readonly WireEvent[] | undefined {
  const { bytes } = scan
  const isSnapshot = scanExactly(scan, SNAPSHOT)
  if (!isSnapshot && !scanExactly(scan, UPDATE)) return undefined
  const symbolEnd = endOfSymbol(bytes, scan.at)
  if (symbolEnd === NONE) return undefined
  const symbol = bytes.toString('latin1', scan.at, symbolEnd)
  scan.at = symbolEnd
  const from = levels.length
  if (!scanExactly(scan, UPDATES)) return undefined
  const timeMs = scanUpdates(scan, levels)
  if (timeMs === undefined || futureFault(timeMs, receivedAtMs, []) !== undefined) return undefined
  const exchangeTimeMs = timeMs < TIME_MS_MIN ? null : timeMs
  return bookEvents(isSnapshot ? 'snapshot' : 'update', symbol, { from, to: levels.length, exchangeTimeMs })
}

/** Stages all updates and moves behind the event. Answers the time of the last one; undefined where one is none. */
function scanUpdates(scan: JsonScan, levels: Levels): number | undefined {
  const { bytes } = scan
  let { at } = scan
  let timeMs: number | undefined
  do {
    const isBid = stands(bytes, at, BID)
    if (!isBid && !stands(bytes, at, OFFER)) return undefined
    const timeFrom = at + (isBid ? BID.length : OFFER.length)
    const timeEnd = endOfTime(bytes, timeFrom)
    timeMs = scanTimeMs(bytes, timeFrom, timeEnd)
    if (timeMs === undefined || !stands(bytes, timeEnd, PRICE_LEVEL)) return undefined
    at = scanLevel(levels, bytes, timeEnd + PRICE_LEVEL.length, isBid, NEW_QUANTITY)
    if (at === NONE || bytes[at] !== CLOSE_BRACE) return undefined
    at++
  } while (bytes[at++] === COMMA)
  scan.at = at - 1
  return scanExactly(scan, END) ? timeMs : undefined
}

/** Times are shorter. */
const TIME_BYTES_MAX = 32

function endOfTime(bytes: Buffer, from: number): number {
  let at = from
  while (at - from < TIME_BYTES_MAX && bytes[at] !== QUOTE) at++
  return at
}
