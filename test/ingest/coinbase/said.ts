import { Levels } from '../../../src/ingest/levels.ts'
import type { Wire } from '../../../src/ingest/venue.ts'

/** Everything a frame says, its levels written out: `bid 64930.57 0.5`. The JSON parser's own words change with Node's versions. */
export function said(wire: Wire, frame: Uint8Array, receivedAtMs: number): object[] {
  const levels = new Levels()
  return wire.parseFrame(frame, { receivedAtMs, levels }).map((event) => {
    if (event.type === 'rejected' && event.refusal.kind === 'malformed-json') {
      return { ...event, refusal: { ...event.refusal, message: '...' } }
    }
    if (event.type !== 'snapshot' && event.type !== 'delta') return event
    const { from, to, ...rest } = event
    return { ...rest, levels: rowsOf(levels, from, to) }
  })
}

export function rowsOf(levels: Levels, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => {
    const side = levels.isBid[from + i] === 1 ? 'bid' : 'ask'
    return [side, ...levels.text(from + i)].join(' ')
  })
}
