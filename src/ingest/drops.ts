import type { Logger } from 'pino'
import type { Alert } from '../alerts/alert.ts'
import type { EngineError } from '../models/engine-error.ts'
import type { VenueId } from '../models/scalars.ts'

export type DropsAbout = {
  readonly run: string
  readonly venue: VenueId
  readonly nowMs: () => number
  readonly log: Logger
  readonly tell: (alert: Alert) => void
}

/**
 * What is to be told of every publication of a run: why it was dropped, or nothing where it was placed. People hear of the
 * first that is dropped and of the first that is placed again, however many lie between.
 */
export function openDrops(about: DropsAbout): (dropped: EngineError | undefined) => void {
  const { log, tell } = about
  let spells = 0
  let dropped = 0

  return (error) => {
    if (error === undefined) {
      if (dropped > 0)
        log.warn({ dropped }, `there is room again: ${dropped} publications were dropped meanwhile`)
      dropped = 0
      return
    }
    if (dropped === 0) tell(dropAlert(error, ++spells, about))
    dropped++
  }
}

function dropAlert(error: EngineError, spell: number, { run, venue, nowMs }: DropsAbout): Alert {
  const rest = 'What comes is dropped, and will be a hole of every product concerned. Polling goes on.'
  return {
    id: `${run}-dropping-${spell}`,
    title: `The ${venue} ingestor drops what it receives`,
    text: [error.message, error.hint ?? '', rest].join('\n'),
    severity: 'critical',
    atMs: nowMs(),
  }
}
