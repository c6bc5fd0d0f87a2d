import { EngineError } from '../../models/engine-error.ts'
import { type TopicPartition, tpName } from '../broker.ts'

/** Where a consumer stands in one partition. */
export type Place = {
  readonly tp: TopicPartition
  offset: number
  paused: boolean
  /** When records last came, or it was last seen that there are none. */
  heardAtMs: number
  /** Whether the last look found the log ending before us. */
  isPastEnd: boolean
}

export function placeAt(tp: TopicPartition, offset: number, heardAtMs: number): Place {
  return { tp, offset, paused: false, heardAtMs, isPastEnd: false }
}

/** A position beyond the end cannot be of this log: it lost its end, or is another one under the old name. */
export function logLost({ tp, offset }: Pick<Place, 'tp' | 'offset'>, end: number): EngineError {
  return new EngineError('log-lost', `${tpName(tp)} ends at ${end}, before position ${offset}`, {
    hint: 'The log lost its end, or is another log than the one this position belongs to.',
  })
}

export type Look = {
  readonly atMs: number
  /** When the consumer last heard anything of any partition. */
  readonly heardAtMs: number
  readonly stuckMs: number
}

/** A partition waits until the others of its fetch were handed over: it alone may be quiet for longer. */
const ALONE_FACTOR = 3

/**
 * What a look at the partition's end says of a place, which it notes: `lost` when the log has twice been seen to end
 * before it, `stuck` when there are records that do not come.
 */
export function judge(
  place: Place,
  end: number,
  { atMs, heardAtMs, stuckMs }: Look,
): 'fine' | 'stuck' | 'lost' {
  // Once may be a new leader that does not know yet how far the others are.
  if (end < place.offset && place.isPastEnd) return 'lost'
  place.isPastEnd = end < place.offset
  if (end <= place.offset) {
    place.heardAtMs = atMs
    return 'fine'
  }
  const isQuiet = atMs - Math.max(heardAtMs, place.heardAtMs) >= stuckMs
  return isQuiet || atMs - place.heardAtMs >= ALONE_FACTOR * stuckMs ? 'stuck' : 'fine'
}
