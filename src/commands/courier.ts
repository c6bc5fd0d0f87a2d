import type { Broker } from '../broker/broker.ts'
import { keepOriginal, type Rejection, type RejectionKind } from '../models/rejection.ts'
import { VENUES, type VenueId } from '../models/scalars.ts'
import { REJECTIONS_TOPIC } from '../models/topics.ts'
import type { Store } from '../store/store.ts'

/** Records carried in one publish. */
const RECORDS_MAX = 200
const SINK = 'rejections'

type ForeignRecord = {
  readonly topic: string
  readonly kind: RejectionKind
  readonly path: string
  readonly message: string
  readonly value: string
  readonly atMs: number
}

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
      messages.map(({ id, payload }) => ({
        topic: REJECTIONS_TOPIC,
        partition: 0,
        key: null,
        run: id,
        n: 1,
        value: JSON.stringify(rejectionOf(id, payload as ForeignRecord)),
      })),
    )
    await store.outbox.done(
      messages.map(({ id }) => id),
      SINK,
      [SINK],
    )
    carried += messages.length
  }
}

function rejectionOf(id: string, { topic, kind, path, message, value, atMs }: ForeignRecord): Rejection {
  const venue = (VENUES as readonly string[]).find((name) => topic.endsWith(`.${name}`)) as
    | VenueId
    | undefined
  return {
    type: 'rejection',
    id: `${id}-1`,
    kind,
    path,
    message,
    venue: venue ?? VENUES[0],
    source: 'unknown',
    product: null,
    receivedAtMs: atMs,
    original: keepOriginal(Buffer.from(value)),
  }
}
