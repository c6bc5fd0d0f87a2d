import { TIME_MS_MIN } from '../../models/scalars.ts'
import type { Levels } from '../levels.ts'
import { bufferOf } from '../reading/json-scan.ts'
import { futureFault } from '../reading/reading.ts'
import type { FrameAbout, WireEvent } from '../venue.ts'
import { snapshotEvents } from './exchange-frames.ts'
import { endOfSymbol, NONE, scanLevel, stands } from './row-scan.ts'
import { scanTimeMs } from './time.ts'
import { deltaOf } from './words.ts'

/**
 * Reads the two frames that books are made of straight from their bytes, in the one spelling the venue is known to use:
 *
 *   {"type":"l2update","product_id":"BTC-USD","changes":[["buy","64930.50","0.00000000"],...],"time":"2026-11-20T14:31:10.123456Z"}
 *   {"type":"snapshot","product_id":"BTC-USD","asks":[["64934.09","0.5"],...],"bids":[...]}      (or bids first; or a time behind)
 *
 * It only ever says yes, and then says what `exchange-frames.ts` says; whatever else it leaves undefined for that.
 */
export function scanFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] | undefined {
  // Every byte looked at follows one that is not this brace: nothing is read beyond the end.
  if (frame[frame.length - 1] !== CLOSE_BRACE) return undefined
  const from = about.levels.length
  const bytes = bufferOf(frame)
  const events = stands(bytes, 0, L2UPDATE)
    ? scanL2Update(bytes, about)
    : stands(bytes, 0, SNAPSHOT)
      ? scanSnapshot(bytes, about)
      : undefined
  if (events === undefined) about.levels.cutBack(from)
  return events
}

const L2UPDATE = Buffer.from('{"type":"l2update","product_id":"')
const SNAPSHOT = Buffer.from('{"type":"snapshot","product_id":"')
const CHANGES = Buffer.from('","changes":[')
const SIDES = { bids: Buffer.from('"bids":'), asks: Buffer.from('"asks":') }
const TIME = Buffer.from(',"time":"')
const TIME_END = Buffer.from('"}')

const CLOSE_BRACKET = 0x5d
const CLOSE_BRACE = 0x7d
const COMMA = 0x2c
const BUY = Buffer.from('["buy","')
const SELL = Buffer.from('["sell","')
const BETWEEN = Buffer.from(',"')

function scanL2Update(bytes: Buffer, about: FrameAbout): readonly WireEvent[] | undefined {
  const symbolEnd = endOfSymbol(bytes, L2UPDATE.length)
  if (symbolEnd === NONE || !stands(bytes, symbolEnd, CHANGES)) return undefined
  const { levels } = about
  const from = levels.length
  const end = scanChanges(levels, bytes, symbolEnd + CHANGES.length)
  if (end === NONE) return undefined
  const exchangeTimeMs = scanTime(bytes, end, about)
  if (exchangeTimeMs === undefined) return undefined
  const symbol = bytes.toString('latin1', L2UPDATE.length, symbolEnd)
  return [deltaOf(symbol, { from, to: levels.length, exchangeTimeMs })]
}

function scanSnapshot(bytes: Buffer, about: FrameAbout): readonly WireEvent[] | undefined {
  const symbolEnd = endOfSymbol(bytes, SNAPSHOT.length)
  if (symbolEnd === NONE || bytes[symbolEnd + 1] !== COMMA) return undefined
  const { levels } = about
  const from = levels.length
  const first = stands(bytes, symbolEnd + 2, SIDES.bids) ? 'bids' : 'asks'
  const middle = scanSide(levels, bytes, symbolEnd + 2, first)
  if (middle === NONE || bytes[middle] !== COMMA) return undefined
  const end = scanSide(levels, bytes, middle + 1, first === 'bids' ? 'asks' : 'bids')
  if (end === NONE) return undefined
  const exchangeTimeMs = scanTime(bytes, end, about)
  if (exchangeTimeMs === undefined) return undefined
  const symbol = bytes.toString('latin1', SNAPSHOT.length, symbolEnd)
  return snapshotEvents(symbol, { from, to: levels.length, exchangeTimeMs })
}

/** Where `"bids":[...]` that begins at `at` ends. */
function scanSide(levels: Levels, bytes: Buffer, at: number, side: 'bids' | 'asks'): number {
  if (!stands(bytes, at, SIDES[side])) return NONE
  return levels.scanRows(bytes, at + SIDES[side].length, side === 'bids' ? 'bid' : 'ask')
}

/** The rows `["buy","64930.50","0"],...]` from the first one's bracket on. Answers where they end, or `NONE`. */
function scanChanges(levels: Levels, bytes: Buffer, at: number): number {
  if (bytes[at] === CLOSE_BRACKET) return at + 1
  for (;;) {
    const isBid = stands(bytes, at, BUY)
    if (!isBid && !stands(bytes, at, SELL)) return NONE
    at = scanLevel(levels, bytes, at + (isBid ? BUY.length : SELL.length), isBid, BETWEEN)
    if (at === NONE || bytes[at] !== CLOSE_BRACKET) return NONE
    if (bytes[at + 1] === CLOSE_BRACKET) return at + 2
    if (bytes[at + 1] !== COMMA) return NONE
    at += 2
  }
}

/** The time that the frame ends with from `at` on, null for none; undefined where it ends otherwise, or is ahead of us. */
function scanTime(bytes: Buffer, at: number, { receivedAtMs }: FrameAbout): number | null | undefined {
  if (at === bytes.length - 1) return null
  const end = bytes.length - TIME_END.length
  if (!stands(bytes, at, TIME) || !stands(bytes, end, TIME_END)) return undefined
  const timeMs = scanTimeMs(bytes, at + TIME.length, end)
  if (timeMs === undefined || futureFault(timeMs, receivedAtMs, []) !== undefined) return undefined
  return timeMs < TIME_MS_MIN ? null : timeMs
}
