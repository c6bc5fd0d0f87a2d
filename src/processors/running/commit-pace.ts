/**
 * How often rows become visible: live, and while catching up, where fewer, larger commits are cheaper. Live commits come
 * more often as long as they are cheap: an eighth of the time at most goes into them.
 */
export const LIVE_MS = 100
const LIVE_MS_MIN = 20
const LIVE_SHARE = 8
const CATCH_UP_MS = 2_000

/** When the next commit is due, from when the last one began and how long it took. */
export class CommitPace {
  #begunAtMs: number
  #tookMs = LIVE_MS

  constructor(nowMs: number) {
    this.#begunAtMs = nowMs
  }

  /** Zero or less: now. */
  leftMs(catchingUp: boolean, nowMs: number): number {
    const liveMs = Math.min(LIVE_MS, Math.max(LIVE_MS_MIN, LIVE_SHARE * this.#tookMs))
    return this.#begunAtMs + (catchingUp ? CATCH_UP_MS : liveMs) - nowMs
  }

  /** A commit is through; one that had nothing to write says nothing of what the others cost. */
  committed(begunAtMs: number, endedAtMs: number, hasWritten: boolean): void {
    this.#begunAtMs = begunAtMs
    if (hasWritten) this.#tookMs = endedAtMs - begunAtMs
  }
}
