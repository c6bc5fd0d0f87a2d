import type { Logger } from 'pino'
import type { EngineError } from '../../models/engine-error.ts'
import type { PartitionCounts } from './placing.ts'
import type { Spool } from './spool.ts'

/** What is said of one time that the far side was away: that it is, now and then how much waits, and that it is back. */
export type Episode = {
  away(error: EngineError): void
  kept(records: number): void
  drained(records: number): void
  /** Nothing waits, and the far side is there. */
  over(): void
  /** The producer ends, whatever waits. */
  end(): void
}

export type EpisodeOptions = {
  readonly spool: Spool
  readonly dir: string
  readonly monotonicMs: () => number
  readonly log: Logger
  readonly sayEveryMs: number
}

type Away = {
  readonly sinceMs: number
  isSaid: boolean
  /** Begun with what an earlier process has left. */
  isLeftover: boolean
  saidMs: number
  kept: number
  drained: number
  drainingSinceMs: number | undefined
}

/** A far side that comes and goes is spoken of at most so often; times of its being away that last are always told. */
const QUIET_MS = 10_000

export function openEpisode({ spool, dir, monotonicMs, log, sayEveryMs }: EpisodeOptions): Episode {
  let current: Away | undefined
  let lastSaidMs = Number.NEGATIVE_INFINITY

  function episode(): Away {
    const nowMs = monotonicMs()
    current ??= {
      sinceMs: nowMs,
      isSaid: false,
      isLeftover: false,
      saidMs: nowMs,
      kept: 0,
      drained: 0,
      drainingSinceMs: undefined,
    }
    return current
  }

  function sayHowMuch(away: Away): void {
    const nowMs = monotonicMs()
    if (nowMs - away.saidMs < sayEveryMs) return
    away.saidMs = nowMs
    log.warn(
      waiting(spool),
      `for ${seconds(nowMs - away.sinceMs)} records have gone to the spool: ${howMuch(spool)} wait`,
    )
  }

  if (spool.records > 0) {
    log.info({ dir, ...waiting(spool) }, `${howMuch(spool)} that were left in ${dir} are sent first`)
    episode().isLeftover = true
  }

  return {
    away(error) {
      const away = episode()
      const about = { code: error.code, hint: error.hint, dir }
      const nowMs = monotonicMs()
      const comesAndGoes = away.sinceMs - lastSaidMs < QUIET_MS && nowMs - away.sinceMs < QUIET_MS
      if (away.isSaid || comesAndGoes) {
        log.debug(about, error.message)
        sayHowMuch(away)
        return
      }
      away.isSaid = true
      lastSaidMs = nowMs
      log.warn(about, `the broker is away, records are kept in ${dir} meanwhile: ${error.message}`)
    },
    kept(records) {
      episode().kept += records
    },
    drained(records) {
      const away = episode()
      away.drainingSinceMs ??= monotonicMs()
      away.drained += records
      sayHowMuch(away)
    },
    over() {
      if (current === undefined) return
      const { sinceMs, drainingSinceMs, kept, drained, isSaid, isLeftover } = current
      current = undefined
      if (!isSaid && !isLeftover) return
      const nowMs = monotonicMs()
      const [awayMs, drainMs] = [nowMs - sinceMs, nowMs - (drainingSinceMs ?? nowMs)]
      const back = isSaid ? `the broker is back after ${seconds(awayMs)}: ${kept} records were kept, ` : ''
      log.info(
        { awayMs: Math.round(awayMs), drainMs: Math.round(drainMs), kept, drained },
        `${back}${drained} records were sent on in ${seconds(drainMs)}`,
      )
    },
    end() {
      if (spool.records === 0) return
      log.warn({ dir, ...waiting(spool) }, `${howMuch(spool)} stay in ${dir}: the next start sends them`)
    },
  }
}

/** Said once of each topic whose partitions turn out to be others than were assumed. */
export function sayPlacedAnew(log: Logger, assumed: PartitionCounts, counts: PartitionCounts): void {
  for (const [topic, count] of assumed) {
    const actual = counts.get(topic)
    if (actual === undefined || actual === count) continue
    log.warn(
      { topic, assumed: count, partitions: actual },
      `${topic} has ${actual} partitions, not ${count} as assumed: records go where their keys belong`,
    )
  }
}

function waiting({ records, bytes }: Spool): { records: number; bytes: number } {
  return { records, bytes }
}

function howMuch({ records, bytes }: Spool): string {
  return `${records} records (${(bytes / 1e6).toFixed(1)} MB)`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
