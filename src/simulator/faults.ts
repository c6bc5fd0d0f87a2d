import { isoTime, MINUTE_MS } from '../models/time.ts'
import type { MadeTick } from './made-market.ts'
import { draw, subKey } from './random.ts'

/** What goes wrong between a venue and us, each done to a good body. */
export const faults = {
  'truncated-json': (body: string) => body.slice(0, Math.floor(body.length * 0.6)),
  'zero-price': (body: string) => body.replace(/"asks":\[\["[^"]*"/, '"asks":[["0"'),
  'negative-size': (body: string) => body.replace(/("bids":\[\["[^"]*",")/, '$1-'),
  'missing-side': (body: string) => body.replace(/"asks":\[\[.*?\]\],/, ''),
  'wrong-types': (body: string) => body.replace(/("bids":\[\["[^"]*",)"[^"]*"/, '$1{}'),
  'future-time': (body: string, tick: MadeTick) =>
    body.replace(/"time":"[^"]*"/, `"time":"${isoTime(tick.exchangeTimeMs + AHEAD_MS)}"`),
} satisfies Record<string, (body: string, tick: MadeTick) => string>

export type Fault = keyof typeof faults

/** Well beyond the minute that a venue's clock may be ahead of ours. */
const AHEAD_MS = 10 * MINUTE_MS

const FAULTS = Object.keys(faults) as Fault[]

/** Which fault a faulty tick has: each is as likely as the others. */
export function faultOf(tick: MadeTick): Fault {
  return FAULTS[draw(subKey(tick.key, 1), 0) % FAULTS.length]!
}

export function spoiled(body: string, tick: MadeTick): string {
  return faults[faultOf(tick)](body, tick)
}
