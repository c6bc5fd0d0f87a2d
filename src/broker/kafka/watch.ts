import type { Logger } from 'pino'
import { tpName } from '../broker.ts'
import { type KafkaLooks, LATEST } from './fetch.ts'
import { judge, logLost, type Place } from './places.ts'

export type WatchOptions = {
  /** What is held now; nothing while there is nothing to be watched. */
  readonly places: () => readonly Place[]
  /** When records of any partition last came. */
  readonly heardAtMs: () => number
  /** Since when a join has brought no answer. */
  readonly unassignedSinceMs: () => number | undefined
  readonly onStuck: (problem: string) => void
  readonly onLost: (error: Error) => void
  readonly looks: KafkaLooks
  readonly monotonicMs: () => number
  readonly sessionMs: number
  readonly log: Logger | undefined
}

/** How often partitions that are quiet are looked at. */
const WATCH_MS = 2_000
/** Records that lie there and do not come for so long (or for a session, if that is longer) mean that kafkajs is stuck. */
const STUCK_MS_MIN = 10_000
/** A group shares itself out within two sessions. */
const UNASSIGNED_SESSIONS_MAX = 4

/**
 * kafkajs can go on telling the group that it lives without fetching anything. Whether there is anything to fetch is seen
 * from outside, on connections of our own.
 */
export function watchPlaces(options: WatchOptions): { stop(): void } {
  const { looks, monotonicMs, sessionMs, log } = options
  let isLooking = false

  async function look(): Promise<void> {
    const sinceMs = options.unassignedSinceMs()
    if (sinceMs !== undefined && monotonicMs() - sinceMs > UNASSIGNED_SESSIONS_MAX * sessionMs) {
      options.onStuck('nothing was assigned')
      return
    }
    const quietSinceMs = monotonicMs() - WATCH_MS
    const quiet = options.places().filter(({ paused, heardAtMs }) => !paused && heardAtMs < quietSinceMs)
    if (quiet.length === 0) return
    const tps = quiet.map(({ tp }) => tp)
    const ends = await looks.offsetsAt(tps, LATEST)
    // Those that have come or gone meanwhile are looked at another time.
    const still = new Set(options.places())
    judgeAll(
      quiet.filter((place) => still.has(place)),
      ends,
    )
  }

  function judgeAll(places: readonly Place[], ends: ReadonlyMap<string, number>): void {
    const stuckMs = Math.max(STUCK_MS_MIN, sessionMs)
    const about = { atMs: monotonicMs(), heardAtMs: options.heardAtMs(), stuckMs }
    for (const place of places) {
      const end = ends.get(tpName(place.tp)) ?? place.offset
      const verdict = judge(place, end, about)
      if (verdict === 'lost') options.onLost(logLost(place, end))
      if (verdict === 'stuck') options.onStuck(`${tpName(place.tp)} does not come`)
      if (verdict !== 'fine') return
    }
  }

  const timer = setInterval(async () => {
    if (isLooking) return
    isLooking = true
    try {
      await look()
    } catch (error) {
      log?.debug({ err: error }, 'no look at the ends of partitions: Kafka does not answer')
    } finally {
      isLooking = false
    }
  }, WATCH_MS)
  return { stop: () => clearInterval(timer) }
}
