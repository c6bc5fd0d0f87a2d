import type { Broker } from '../broker/broker.ts'
import type { ForeignRecord } from '../models/outbox-message.ts'
import { connectHeaders, type Rejection } from '../models/rejection.ts'
import { VENUES, type VenueId } from '../models/scalars.ts'
import { REJECTIONS_TOPIC } from '../models/topics.ts'
import type { Store } from '../store/store.ts'

/** Records carried in one publish. */
const RECORDS_MAX = 200
const SINK = 'rejections'

/**
 * Carries what the processors could not read on our own topics to the `rejections` topic. The message's id is the run it
 * is published under, so that being carried twice has one effect. Answers how many were carried.
 */
export async function carryRejects(store: Store, broker: Broker): Promise<number> {
  let carried = 0
  for (;;) {
    const messages = await store.outbox.pending(['reject'], RECORDS_MAX)
    if (messages.length === 0) return carried
    await broker.publish(
      messages.map(({ id, payload }) => {
        const foreign = payload as ForeignRecord
        return {
          topic: REJECTIONS_TOPIC,
          partition: 0,
          key: null,
          run: id,
          n: 1,
          headers: connectHeaders(foreign.refusal, foreign.place),
          value: JSON.stringify(rejectionOf(id, foreign)),
        }
      }),
    )
    await store.outbox.done(
      messages.map(({ id }) => id),
      SINK,
      [SINK],
    )
    carried += messages.length
  }
}

function rejectionOf(id: string, { place, refusal, original, atMs }: ForeignRecord): Rejection {
  const venue = (VENUES as readonly string[]).find((name) => place.topic.endsWith(`.${name}`)) as
    | VenueId
    | undefined
  return {
    type: 'rejection',
    id: `${id}-1`,
    ...refusal,
    venue: venue ?? VENUES[0],
    source: 'unknown',
    product: null,
    receivedAtMs: atMs,
    original,
  }
}
