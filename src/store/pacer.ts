import { setImmediate } from 'node:timers/promises'

/** The longest a commit holds the event loop before it lets others run. */
const SLICE_MS = 12

/** Answers a promise to wait for whenever a slice of work has lasted long enough. */
export function pacer(monotonicMs: () => number): () => Promise<void> | undefined {
  let startedMs = monotonicMs()
  return () => {
    if (monotonicMs() - startedMs < SLICE_MS) return undefined
    return letOthersRun().then(() => {
      startedMs = monotonicMs()
    })
  }
}

export function letOthersRun(): Promise<void> {
  return setImmediate()
}
