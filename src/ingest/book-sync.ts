/**
 * The life of one book that is built from a snapshot and changes, as a table of states and events:
 *
 * |           | live  | snapshot      | unfit | change        | old  | gap             | failed       | idle | shallow | missing | cut          |
 * |-----------|-------|---------------|-------|---------------|------|-----------------|--------------|------|---------|---------|--------------|
 * | empty     | await | install, good | drop, | buffer, await | drop | buffer, await   | -            | -    | -       | -       | -            |
 * |           |  -> b |  -> in-step   |  ask  |  -> b         |      |  -> b           |              |      |         |         |              |
 * | buffering | await | install, good | drop, | buffer        | drop | forget, buffer, | forget, ask  | ask  | -       | ask     | forget       |
 * |           |       |  -> in-step   |  ask  |               |      |  ask            |              |      |         |         |  -> empty    |
 * | in-step   | -     | renew         | drop, | apply         | drop | lost, forget,   | lost, forget,| ask  | ask     | ask     | lost, forget |
 * |           |       |               |  ask  |               |      |  buffer, ask    |  ask         |      |         |         |  -> empty    |
 * |           |       |               |       |               |      |  -> resyncing   |  -> resyncing|      |         |         |              |
 * | resyncing | await | install, good | drop, | buffer        | drop | forget, buffer, | forget, ask  | ask  | -       | ask     | forget       |
 * |           |       |  -> in-step   |  ask  |               |      |  ask            |              |      |         |         |  -> empty    |
 *
 * live: the venue has said yes to the subscription (what it sends before it says so is taken as a yes). snapshot: one that
 * fits what came after it. unfit: one that is older than the first change we hold, so that changes between the two are
 * missing. change, old, gap: what a change is to the book or, where there is none yet, to the changes that wait. failed: a
 * check says the book cannot be right. idle: the subscription has been silent for too long. shallow: the top has come near
 * the end of what we know of the book. missing: a snapshot was asked for and did not come. cut: the connection is gone.
 *
 * A book is published in step only. A snapshot that comes in step renews the book; whether it shows a loss is for its
 * numbers to say.
 */
export type BookPhase = 'empty' | 'buffering' | 'in-step' | 'resyncing'

export type BookEvent =
  | 'live'
  | 'snapshot'
  | 'unfit'
  | 'change'
  | 'old'
  | 'gap'
  | 'failed'
  | 'idle'
  | 'shallow'
  | 'missing'
  | 'cut'

/**
 * What is to be done, in this order. `await`: a snapshot comes by itself, or is asked for where the venue sends none. `ask`:
 * see to a new snapshot, after a pause that grows with every one in vain. `good` and `lost` are words for the watch.
 */
export type BookDoes =
  | 'apply'
  | 'buffer'
  | 'drop'
  | 'install'
  | 'renew'
  | 'forget'
  | 'await'
  | 'ask'
  | 'good'
  | 'lost'

export type BookStep = { readonly phase: BookPhase; readonly does: readonly BookDoes[] }

/** What a book in this phase does with this event, and the phase it is in then. */
export function nextBook(phase: BookPhase, event: BookEvent): BookStep {
  return STEPS[phase][event]
}

const go = (phase: BookPhase, ...does: readonly BookDoes[]): BookStep => ({ phase, does })

/** Without a book, whether it was ever there or not, the same is to be done. */
const without = (phase: 'buffering' | 'resyncing'): Record<BookEvent, BookStep> => ({
  live: go(phase, 'await'),
  snapshot: go('in-step', 'install', 'good'),
  unfit: go(phase, 'drop', 'ask'),
  change: go(phase, 'buffer'),
  old: go(phase, 'drop'),
  gap: go(phase, 'forget', 'buffer', 'ask'),
  failed: go(phase, 'forget', 'ask'),
  idle: go(phase, 'ask'),
  shallow: go(phase),
  missing: go(phase, 'ask'),
  cut: go('empty', 'forget'),
})

const STEPS: Record<BookPhase, Record<BookEvent, BookStep>> = {
  empty: {
    live: go('buffering', 'await'),
    snapshot: go('in-step', 'install', 'good'),
    unfit: go('buffering', 'drop', 'ask'),
    change: go('buffering', 'buffer', 'await'),
    old: go('empty', 'drop'),
    gap: go('buffering', 'buffer', 'await'),
    failed: go('empty'),
    idle: go('empty'),
    shallow: go('empty'),
    missing: go('empty'),
    cut: go('empty'),
  },
  buffering: without('buffering'),
  'in-step': {
    live: go('in-step'),
    snapshot: go('in-step', 'renew'),
    unfit: go('in-step', 'drop', 'ask'),
    change: go('in-step', 'apply'),
    old: go('in-step', 'drop'),
    gap: go('resyncing', 'lost', 'forget', 'buffer', 'ask'),
    failed: go('resyncing', 'lost', 'forget', 'ask'),
    idle: go('in-step', 'ask'),
    shallow: go('in-step', 'ask'),
    missing: go('in-step', 'ask'),
    cut: go('empty', 'lost', 'forget'),
  },
  resyncing: without('resyncing'),
}
