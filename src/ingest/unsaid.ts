import type { WatchEvent } from './watch.ts'

/**
 * What happened to a line and could not be said, with one more event: in order, and in so few words that however long there
 * is no room they are bounded (each trouble once, and at most four good ones). It says no less than what happened, but may
 * say it more broadly: of several holes that could not be said there will be one.
 */
export function withUnsaid(unsaid: readonly WatchEvent[], event: WatchEvent): readonly WatchEvent[] {
  return event.kind === 'good' ? withGood(unsaid, event) : withTrouble(unsaid, event)
}

/** Of good ones in a row the first ends what was before, and the last says how long it has been good. */
function withGood(unsaid: readonly WatchEvent[], event: WatchEvent): readonly WatchEvent[] {
  const isThird = unsaid.at(-1)?.kind === 'good' && unsaid.at(-2)?.kind === 'good'
  return [...(isThird ? unsaid.slice(0, -1) : unsaid), event]
}

/** What was good between two troubles is forgotten: then they are one. */
function withTrouble(unsaid: readonly WatchEvent[], event: WatchEvent): readonly WatchEvent[] {
  const first = unsaid.findIndex(({ kind }) => kind !== 'good')
  if (first === -1) return [...unsaid, event]
  const troubles = unsaid.slice(first).filter(({ kind }) => kind !== 'good')
  // The latest of what was dropped counts; of everything else the earliest.
  if (event.kind === 'dropped') {
    return [...unsaid.slice(0, first), ...troubles.filter(({ kind }) => kind !== 'dropped'), event]
  }
  const isKnown = troubles.some(
    (trouble) => trouble.kind === event.kind && reasonOf(trouble) === reasonOf(event),
  )
  return [...unsaid.slice(0, first), ...troubles, ...(isKnown ? [] : [event])]
}

function reasonOf(event: WatchEvent): string | undefined {
  return 'reason' in event ? event.reason : undefined
}
