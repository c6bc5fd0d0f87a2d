import { z } from 'zod'
import { EngineError } from '../models/engine-error.ts'
import { VENUES, type VenueId } from '../models/scalars.ts'
import { FEED_KINDS, type FeedKind } from '../models/topics.ts'
import { share } from './random.ts'

/** What goes wrong between a venue and whoever listens to it, on request and from a script. */
const FAULTS = [
  // Done to frames of market data: to the next one, or for `forMs` to all of them or to a `share`.
  'drop',
  'duplicate',
  'reorder', // it comes after the next one of its product and kind
  'garbage', // random bytes in its place
  'truncated', // its first half
  'oversized', // with 32 MiB of spaces behind it
  // Done to what books say: to the next change, or for `forMs` to all.
  'crossed', // a bid above the best ask, on top of what is true
  'wrong-checksum', // on OKX
  'renumber', // on OKX: numbers begin anew, as after maintenance
  // Done at once to the connections, or to those that carry `product`.
  'cut', // ended without a word
  'closing', // announced as the venue does it, ended `forMs` later
  'stall', // nothing comes for `forMs`, then all of it
  'half-open', // nothing comes any more; new connections are accepted for `forMs` and say nothing
  // How the venue is for `forMs`.
  'down', // all connections are cut, all others refused
  'unreachable', // nothing comes of anything any more, and nothing says so
  '429',
  '418',
  '451',
  'late-snapshot', // whole books come `lateMs` later than they were asked for
  'future-clock', // stamps are `aheadMs` ahead
  'expired-token', // tokens are handed out that nobody takes
] as const
export type FaultName = (typeof FAULTS)[number]

export type FaultWish = {
  readonly venue: VenueId
  readonly fault: FaultName
  /** Canonical; absent: all of the venue. */
  readonly product?: string | undefined
  readonly kind?: FeedKind | undefined
  readonly forMs?: number | undefined
  /** Of the frames it could be done to: 0..1. */
  readonly share?: number | undefined
  readonly lateMs?: number | undefined
  readonly aheadMs?: number | undefined
}

export type ScriptedFault = FaultWish & { readonly atMs: number }

const FOR_MS = 5_000
const LATE_MS = 2_000
const AHEAD_MS = 600_000 // well beyond the minute that a venue's clock may be ahead of ours
const LENGTH_MS_MAX = 86_400_000

const Length = z.int().min(0).max(LENGTH_MS_MAX)
const Script = z.array(
  z.strictObject({
    atMs: Length,
    venue: z.enum(VENUES),
    fault: z.enum(FAULTS),
    product: z.string().optional(),
    kind: z.enum(FEED_KINDS).optional(),
    forMs: Length.optional(),
    share: z.number().min(0).max(1).optional(),
    lateMs: Length.optional(),
    aheadMs: z.int().min(-LENGTH_MS_MAX).max(LENGTH_MS_MAX).optional(),
  }),
)

/** A script's JSON text. Throws EngineError `usage`, with what is wrong where. */
export function parseFaultScript(text: string): ScriptedFault[] {
  const hint = 'a list such as [{"atMs":5000,"venue":"binance","product":"BTC-USDT","fault":"drop"}]'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new EngineError('usage', 'the script of faults is not JSON', { hint, cause })
  }
  const script = Script.safeParse(value)
  if (!script.success) {
    throw new EngineError('usage', `the script of faults cannot be read:\n${z.prettifyError(script.error)}`, {
      hint,
    })
  }
  return script.data.sort((a, b) => a.atMs - b.atMs)
}

export type FrameFault = Extract<
  FaultName,
  'drop' | 'duplicate' | 'reorder' | 'garbage' | 'truncated' | 'oversized'
>

/** Faults of one venue that are in force, and what they say about whatever it is about to do. */
export class VenueFaults {
  /** Nothing goes wrong now: the usual case, told at no cost. */
  quiet = true
  #rules: Rule[] = []
  readonly #nowMs: () => number
  readonly #key: number
  #draws = 0

  constructor(nowMs: () => number, key: number) {
    this.#nowMs = nowMs
    this.#key = key
  }

  add(wish: FaultWish): void {
    const onceOnly = wish.forMs === undefined && ONCE.has(wish.fault)
    const untilMs = this.#nowMs() + (onceOnly ? Number.POSITIVE_INFINITY : (wish.forMs ?? FOR_MS))
    this.#rules.push({ ...wish, untilMs, onceOnly })
    this.quiet = false
  }

  /** What is done to this frame; asked once for each. */
  ofFrame(product: string, kind: FeedKind): FrameFault | undefined {
    return this.#take((rule) => isFrameFault(rule.fault) && concerns(rule, product, kind))?.fault as
      | FrameFault
      | undefined
  }

  /** Whether it is done to this change of a book; asked once for each. */
  ofBook(fault: 'crossed' | 'wrong-checksum' | 'renumber', product: string): boolean {
    return this.#take((rule) => rule.fault === fault && concerns(rule, product, 'books')) !== undefined
  }

  inForce(fault: FaultName, product?: string): boolean {
    return this.#find(fault, product) !== undefined
  }

  snapshotDelayMs(product: string): number {
    const rule = this.#find('late-snapshot', product)
    return rule === undefined ? 0 : (rule.lateMs ?? LATE_MS)
  }

  clockAheadMs(): number {
    const rule = this.#find('future-clock')
    return rule === undefined ? 0 : (rule.aheadMs ?? AHEAD_MS)
  }

  /** The status that everything is answered with, and when to ask again. */
  status(): { readonly status: number; readonly retryAfterMs: number } | undefined {
    for (const fault of ['429', '418', '451'] as const) {
      const rule = this.#find(fault)
      if (rule !== undefined) return { status: Number(fault), retryAfterMs: rule.untilMs - this.#nowMs() }
    }
    return undefined
  }

  #find(fault: FaultName, product?: string): Rule | undefined {
    if (this.quiet) return undefined
    this.#forgetOver()
    return this.#rules.find(
      (rule) =>
        rule.fault === fault &&
        (product === undefined || rule.product === undefined || rule.product === product),
    )
  }

  #take(matches: (rule: Rule) => boolean): Rule | undefined {
    if (this.quiet) return undefined
    this.#forgetOver()
    const rule = this.#rules.find(matches)
    if (rule === undefined) return undefined
    if (rule.share !== undefined && share(this.#key, this.#draws++) >= rule.share) return undefined
    if (rule.onceOnly) this.#rules = this.#rules.filter((other) => other !== rule)
    return rule
  }

  #forgetOver(): void {
    const nowMs = this.#nowMs()
    this.#rules = this.#rules.filter(({ untilMs }) => untilMs > nowMs)
    this.quiet = this.#rules.length === 0
  }
}

type Rule = FaultWish & { readonly untilMs: number; readonly onceOnly: boolean }

const FRAME_FAULTS: ReadonlySet<FaultName> = new Set<FrameFault>([
  'drop',
  'duplicate',
  'reorder',
  'garbage',
  'truncated',
  'oversized',
])

const ONCE: ReadonlySet<FaultName> = new Set<FaultName>([
  ...(FRAME_FAULTS as ReadonlySet<FrameFault>),
  'crossed',
  'wrong-checksum',
  'renumber',
])

function isFrameFault(fault: FaultName): boolean {
  return FRAME_FAULTS.has(fault)
}

function concerns(rule: Rule, product: string, kind: FeedKind): boolean {
  return (
    (rule.product === undefined || rule.product === product) &&
    (rule.kind === undefined || rule.kind === kind)
  )
}
