import { z } from 'zod'
import { isPositiveDecimal } from '../../models/decimal.ts'
import type { Refusal } from '../../models/rejection.ts'
import { PositiveDecimal } from '../../models/scalars.ts'
import { eventsOfList, futureFault, readJson, rejected, schemaFault, wrongShape } from '../reading/reading.ts'
import type { FrameAbout, WireEvent } from '../venue.ts'
import {
  deltaOf,
  isSize,
  isTime,
  ProductId,
  Size,
  type Staged,
  snapshotOf,
  Time,
  textOf,
  timeMsOf,
  VenueError,
} from './words.ts'

/**
 * What the frames of Coinbase Advanced Trade's socket say, by their contract: the schemas below. Frames of books, which are
 * many and large, have a faster reader in `advanced-scan.ts`, which leaves whatever it does not know to this.
 */
export function readFrame(frame: Uint8Array, about: FrameAbout): readonly WireEvent[] {
  const read = readJson(frame)
  if ('refusal' in read) return [rejected(read.refusal)]
  const said = VenueError.safeParse(read.json)
  if (said.success) return [{ type: 'refused', message: textOf(said.data) }]
  const { data, error } = Frame.safeParse(read.json)
  if (error !== undefined) return [rejected(schemaFault(error))]
  return [{ type: 'numbered', number: data.sequence_num }, ...eventsOf(data, about)]
}

function eventsOf({ channel, events }: Frame, about: FrameAbout): readonly WireEvent[] {
  if (channel === 'l2_data') return bookEventsOf(events, about)
  if (channel === 'subscriptions') return eventsOfList(events, ackEvent)
  return [{ type: 'alive' }]
}

function ackEvent(event: unknown, index: number): WireEvent {
  const { data, error } = Subscriptions.safeParse(event)
  if (error !== undefined) return rejected(schemaFault(error, ['events', index]))
  return { type: 'accepted', channels: data.subscriptions.level2.map(channelName) }
}

/** As many books as a connection carries. */
const FAULTS_MAX = 30

/**
 * A number says of a frame that it came, not that it could be read: a book of which something could not be used is out of
 * step, and so are all of them where nobody can say whose that was, or where it is of too many.
 */
function bookEventsOf(events: readonly unknown[], about: FrameAbout): readonly WireEvent[] {
  const read: WireEvent[] = []
  let faults = 0
  for (let index = 0; index < events.length; index++) {
    const some = readBookEvent(events[index], index, about)
    read.push(...some)
    const fault = some.find((event) => event.type === 'rejected')
    if (fault === undefined) continue
    faults++
    if (fault.symbol === undefined || faults === FAULTS_MAX) return [...read, { type: 'resync' }]
  }
  return read
}

function readBookEvent(event: unknown, index: number, about: FrameAbout): readonly WireEvent[] {
  const { data, error } = BookHead.safeParse(event)
  if (error !== undefined) return [rejected(schemaFault(error, ['events', index]), { kind: 'books' })]
  const { type, product_id: symbol } = data
  const { updates } = event as BookEvent
  const exchangeTimeMs = timeMsOf(updates.at(-1)?.event_time)
  const from = about.levels.length
  const fault = faultOfUpdates(updates, index) ?? faultOfStaging(updates, index, exchangeTimeMs, about)
  if (fault === undefined) return bookEvents(type, symbol, { from, to: about.levels.length, exchangeTimeMs })
  about.levels.cutBack(from)
  return [rejected(fault, { kind: 'books', symbol })]
}

/** What a channel is called in acks. Books come as `l2_data` and are acked as what they were asked for. */
export function channelName(symbol: string): string {
  return `level2:${symbol}`
}

/** The number is the frame's, not the book's. A snapshot says yes to its subscription as well: it may come before the ack. */
export function bookEvents(type: 'snapshot' | 'update', symbol: string, rows: Staged): readonly WireEvent[] {
  if (type === 'update') return [deltaOf(symbol, rows)]
  return [{ type: 'accepted', channels: [channelName(symbol)] }, snapshotOf(symbol, rows)]
}

/** The first update that is none. Tens of thousands may be right: those cost no schema. */
function faultOfUpdates(updates: readonly unknown[], index: number): Refusal | undefined {
  const at = updates.findIndex((update) => !isUpdate(update))
  if (at === -1) return undefined
  const { error } = Update.safeParse(updates[at])
  return error && schemaFault(error, ['events', index, 'updates', at])
}

function isUpdate(update: unknown): boolean {
  if (typeof update !== 'object' || update === null) return false
  const { side, price_level, new_quantity, event_time } = update as Record<string, unknown>
  return (
    (side === 'bid' || side === 'offer') &&
    typeof price_level === 'string' &&
    typeof new_quantity === 'string' &&
    typeof event_time === 'string' &&
    isPositiveDecimal(price_level) &&
    isSize(new_quantity) &&
    isTime(event_time)
  )
}

/** Stages the updates, unless there are too many or they are ahead of our clock. */
function faultOfStaging(
  updates: readonly Update[],
  index: number,
  exchangeTimeMs: number | null,
  { levels, receivedAtMs }: FrameAbout,
): Refusal | undefined {
  const path = ['events', index, 'updates']
  const isStaged = updates.every(({ side, price_level, new_quantity }) =>
    levels.add(side === 'bid' ? 'bid' : 'ask', price_level, new_quantity),
  )
  if (!isStaged) return wrongShape(path, 'more levels than any book has')
  return futureFault(exchangeTimeMs ?? 0, receivedAtMs, path)
}

// The wire:
//
//   {"channel":"l2_data","timestamp":"2026-11-20T14:31:10.123456789Z","sequence_num":5,"events":[{"type":"update",
//    "product_id":"BTC-USD","updates":[{"side":"offer","event_time":"2026-11-20T14:31:10.1Z","price_level":"64934.09",
//    "new_quantity":"0"}]}]}
//
// Asks are "offer"; `level2` comes as `l2_data`; the times in a snapshot are of 1970. Errors have no number.

const Frame = z.object({
  channel: z.string(),
  sequence_num: z.int().nonnegative(),
  events: z.array(z.unknown()),
})
type Frame = z.infer<typeof Frame>

const BookHead = z.object({
  type: z.enum(['snapshot', 'update']),
  product_id: ProductId,
  updates: z.array(z.unknown()),
})

const Update = z.object({
  side: z.enum(['bid', 'offer']),
  event_time: Time,
  price_level: PositiveDecimal,
  new_quantity: Size,
})
type Update = z.infer<typeof Update>

export const BookEvent = z.object({ ...BookHead.shape, updates: z.array(Update) })
export type BookEvent = z.infer<typeof BookEvent>

/** All that the connection is subscribed to by now. */
const Subscriptions = z.object({ subscriptions: z.object({ level2: z.array(z.string()).default([]) }) })
