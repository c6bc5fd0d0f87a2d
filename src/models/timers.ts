/**
 * Time, handed in: `nowMs` stamps and may jump, `monotonicMs` measures and never does, `after` calls once, at least `ms`
 * later, unless what it answers is called first. Whatever runs on this runs on a made clock as well.
 */
export type Timers = {
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly after: (ms: number, call: () => void) => () => void
}
