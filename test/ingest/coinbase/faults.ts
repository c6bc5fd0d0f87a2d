import { APART_MS, WITHIN_MS } from '../../../src/ingest/books/ticker-check.ts'
import { keyOf, share } from '../../../src/simulator/random.ts'
import { HEARTBEAT_MS, type Moment, type Playback, type Played, play } from './replay.ts'

/** One change of a product's book is lost, comes twice, or after the next one: what becomes of the book, and who notices. */

export type Fault = 'lost' | 'twice' | 'swapped'

export type Fate = {
  /** When the best price was wrong first, if ever. */
  readonly wrongFromMs: number | undefined
  readonly foundBy: 'crossed' | 'ticker' | undefined
  readonly foundAfterMs: number
  /** A check that failed though the best prices were right all the time. */
  readonly isFalseAlarm: boolean
  /** How long the best price was wrong in one go, at most; and whether it was when the recording ended. */
  readonly wrongMs: number
  readonly isWrongAtEnd: boolean
  /** Where it was not found: whether two tickers `APART_MS` from each other, well within that, should have told. */
  readonly isMissed: boolean
}

/** `count` positions among all changes of all products, the same ones for the same seed. */
export function somePositions(
  products: readonly (readonly Played[])[],
  seed: string,
  count: number,
): { readonly frames: readonly Played[]; readonly at: number }[] {
  const all = products.flatMap((frames) =>
    frames.flatMap(({ type }, at) => (type === 'delta' && at < frames.length - 1 ? [{ frames, at }] : [])),
  )
  return Array.from({ length: count }, (_, n) => all[Math.floor(share(keyOf(seed), n) * all.length)]!)
}

function spoiled(frames: readonly Played[], at: number, fault: Fault): Played[] {
  const [before, after] = [frames.slice(0, at), frames.slice(at + 1)]
  if (fault === 'lost') return [...before, ...after]
  if (fault === 'twice') return [...before, frames[at]!, frames[at]!, ...after]
  const next = after.findIndex(({ type }) => type === 'delta')
  if (next === -1) return [...frames]
  const late = { ...frames[at]!, receivedAtMs: after[next]!.receivedAtMs }
  return [...before, ...after.slice(0, next + 1), late, ...after.slice(next + 1)]
}

/** What becomes of a product whose frame `at` suffers this; `truth` is the same product without. */
export function fateOf(frames: readonly Played[], truth: Playback, at: number, fault: Fault): Fate {
  const playback = play(spoiled(frames, at, fault))
  const wrong = wrongStretches(playback, truth, frames.length - at - 1)
  const wrongFromMs = wrong.length === 0 ? undefined : Math.min(...wrong.map(({ fromMs }) => fromMs))
  const { crossedAtMs, failedAtMs } = playback
  const foundAtMs = Math.min(crossedAtMs ?? Infinity, failedAtMs ?? Infinity)
  const isFound = foundAtMs !== Infinity
  const endMs = truth.moments.at(-1)!.atMs
  const tickers = frames.flatMap(({ type, receivedAtMs }) => (type === 'ticker' ? [receivedAtMs] : []))
  return {
    wrongFromMs,
    foundBy: isFound ? (crossedAtMs === foundAtMs ? 'crossed' : 'ticker') : undefined,
    foundAfterMs: foundAtMs - (wrongFromMs ?? foundAtMs),
    isFalseAlarm: isFound && (wrongFromMs === undefined || wrongFromMs > foundAtMs),
    wrongMs: Math.max(0, ...wrong.map(({ fromMs, untilMs }) => Math.min(untilMs, endMs) - fromMs)),
    isWrongAtEnd: wrong.some(({ untilMs }) => untilMs === Infinity),
    isMissed: !isFound && wrong.some((stretch) => isTold(stretch, tickers, endMs)),
  }
}

type Stretch = { readonly fromMs: number; readonly untilMs: number }

/** When each side's best price was another than the true one, over the last `tail` frames. */
function wrongStretches(playback: Playback, truth: Playback, tail: number): Stretch[] {
  return (['bid', 'ask'] as const).flatMap((side) => {
    const stretches: Stretch[] = []
    let fromMs: number | undefined
    for (let back = tail; back >= 1; back--) {
      const [is, should] = [playback.moments.at(-back)!, truth.moments.at(-back)!] as [Moment, Moment]
      if (is[side] !== should[side]) fromMs ??= should.atMs
      else if (fromMs !== undefined) {
        stretches.push({ fromMs, untilMs: should.atMs })
        fromMs = undefined
      }
    }
    return fromMs === undefined ? stretches : [...stretches, { fromMs, untilMs: Infinity }]
  })
}

/** Two tickers that nothing but a wrong book explains, and time enough to say so. */
function isTold({ fromMs, untilMs }: Stretch, tickers: readonly number[], endMs: number): boolean {
  const lastMs = Math.min(untilMs, endMs) - WITHIN_MS - HEARTBEAT_MS
  const telling = tickers.filter((atMs) => atMs > fromMs + WITHIN_MS && atMs < lastMs)
  return telling.length >= 2 && telling.at(-1)! - telling[0]! >= APART_MS
}
