import type { Draft } from '../broker/publisher.ts'
import {
  connectHeaders,
  keepBeginning,
  keepOriginal,
  type Refusal,
  type Rejection,
} from '../models/rejection.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import { REJECTIONS_TOPIC } from '../models/topics.ts'

export type RejectedInput = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly product: string | null
  readonly receivedAtMs: number
  readonly bytes: Uint8Array
  /** False where the input was longer than was read: it cannot be sent again. */
  readonly whole: boolean
}

/** The record of an input that could not be used, for the `rejections` topic. Its id is its producer's run and n. */
export function rejectionDraft(refusal: Refusal, input: RejectedInput): Draft {
  const { venue, source, product, receivedAtMs, bytes } = input
  const original = input.whole ? keepOriginal(bytes) : keepBeginning(bytes)
  const { kind, path, message } = refusal
  return {
    topic: REJECTIONS_TOPIC,
    key: venue,
    headers: connectHeaders(refusal),
    value: (id) => {
      const about = { venue, source, product, receivedAtMs, original }
      const rejection: Rejection = { type: 'rejection', id, kind, path, message, ...about }
      return JSON.stringify(rejection)
    },
  }
}
