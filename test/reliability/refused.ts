import { openBroker } from '../../src/broker/open-broker.ts'
import { loadConfig } from '../../src/config.ts'
import { keepOriginal, type Rejection, type RejectionKind } from '../../src/models/rejection.ts'
import { isoTime } from '../../src/models/time.ts'
import { REJECTIONS_TOPIC } from '../../src/models/topics.ts'
import { recordingLog } from '../alerts/recording-log.ts'

/** Rejections whose bytes a parser of an earlier day refused, and which are good now: what a fix leaves behind. */

export const RUN = 'ingest-before-the-fix'
/** The first of them is of this moment, and up to an hour's worth are of this hour. */
export const FIRST_HOUR_MS = { from: Date.UTC(2026, 10, 20, 8), to: Date.UTC(2026, 10, 20, 9) }
const LEVELS = 100

export type Refused = { readonly kind: RejectionKind; readonly body: string }

/** A good body a second, as Coinbase sends it. */
export function goodBody(index: number): string {
  const side = (first: number, step: number) =>
    Array.from({ length: LEVELS }, (_, i) => [(first + step * i).toFixed(2), '0.5', 1])
  const bid = 71_000 + (index % 97)
  const time = isoTime(FIRST_HOUR_MS.from + index * 1_000)
  return JSON.stringify({ bids: side(bid, -0.5), asks: side(bid + 1, 0.5), sequence: index + 1, time })
}

/** Puts them on the topic under the ids `<RUN>-1`, `<RUN>-2` ... */
export async function publishRefused(dir: string, refused: readonly Refused[]): Promise<void> {
  const about = {
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    log: recordingLog().log,
  }
  const broker = await openBroker(loadConfig({ DATA_DIR: dir }), about)
  const records = refused.map((each, index) => ({
    topic: REJECTIONS_TOPIC,
    partition: 0,
    key: 'coinbase',
    run: RUN,
    n: index + 1,
    value: JSON.stringify(rejectionOf(each, index)),
  }))
  for (let i = 0; i < records.length; i += 1_000) await broker.publish(records.slice(i, i + 1_000))
  await broker.close()
}

function rejectionOf({ kind, body }: Refused, index: number): Rejection {
  return {
    type: 'rejection',
    id: `${RUN}-${index + 1}`,
    kind,
    path: kind === 'malformed-json' ? '' : 'bids[0]',
    message: 'refused by a parser of an earlier day',
    venue: 'coinbase',
    source: 'mock',
    product: 'BTC-USD',
    receivedAtMs: FIRST_HOUR_MS.from + index * 1_000 + 20,
    original: keepOriginal(Buffer.from(body)),
  }
}

/** So many of them, good bodies from the `from`-th second on. */
export function goodNow(count: number, kind: RejectionKind = 'wrong-shape', from = 0): Refused[] {
  return Array.from({ length: count }, (_, index) => ({ kind, body: goodBody(from + index) }))
}

/** So many whose bytes no fix makes good. */
export function hopeless(count: number): Refused[] {
  return Array.from({ length: count }, () => ({ kind: 'malformed-json', body: '{"bids": oops' }))
}
