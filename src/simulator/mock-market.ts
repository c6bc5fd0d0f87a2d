import type { Broker } from '../broker/broker.ts'
import { type Draft, openPublisher, type Publisher } from '../broker/publisher.ts'
import type { PolledVenue } from '../ingest/venue.ts'
import type { Mark, Up } from '../models/feed-records.ts'
import { encodeBook } from '../models/product-book.ts'
import type { Refusal } from '../models/rejection.ts'
import { booksTopic } from '../models/topics.ts'
import { coinbaseBody } from './coinbase-bodies.ts'
import { spoiled } from './faults.ts'
import { bookAt, isFaulty, type MadeTick, type Market, type MarketState, stepTo } from './made-market.ts'
import { lastNumbers, type Placement, placementOf, recallMarket, recallRejections } from './market-memory.ts'
import { planStretch, type Stretch, type StretchWish } from './stretch.ts'
import { batchEnd, type Timeline, timelineOf } from './timeline.ts'

/**
 * The mock generator: publishes a made market as a venue's bodies would be published. Every body goes through the
 * venue's own parser; what that refuses becomes a rejection.
 *
 * A publish holds the ticks of some stretch of time and then, for each partition fed, the mark that says so. It lies on
 * the log whole or not at all, so whoever finds the last mark knows everything before it was published once.
 */
export type MockMarket = {
  readonly broker: Broker
  readonly venue: PolledVenue
  reject(refusal: Refusal, input: RejectedBody): Draft
  readonly market: Market
  readonly wish: StretchWish
  /** Levels a side that may travel. */
  readonly bookLevels: number
  readonly nowMs: () => number
  /** Resolves at that moment, at once if it is over or when stopped, but never before the event loop went round. */
  waitUntil(timeMs: number): Promise<void>
  readonly stop: AbortSignal
  onProgress?(progress: MockProgress): void
}

export type RejectedBody = {
  readonly venue: PolledVenue['id']
  readonly source: 'mock'
  readonly product: string
  readonly receivedAtMs: number
  readonly bytes: Uint8Array
  readonly whole: true
}

export type MockProgress = {
  readonly run: string
  readonly fromMs: number
  /** Everything up to here is published. */
  readonly upToMs: number
  /** Where the past ends and the stretch either ends too or goes on live. */
  readonly goalMs: number
  readonly books: number
  readonly rejected: number
}

/**
 * Makes the wished stretch and answers what came of it; `upToMs` not after `fromMs` means that the log already held all
 * of it. Rejects with the broker's EngineError; what was published before stays consistent and is gone on from.
 */
export async function runMockMarket(about: MockMarket): Promise<MockProgress> {
  const { market, nowMs, stop, onProgress } = about
  const hand = await openHand(about)
  const { stretch } = hand
  const timeline = timelineOf(market, stretch.firstSlot)
  const progress = () => ({ ...hand.counts(), goalMs: Math.min(stretch.endMs, nowMs()) })
  let upToMs = stretch.fromMs
  if (upToMs >= stretch.endMs) return progress()
  while (upToMs < stretch.endMs && !stop.aborted) {
    const toMs = batchEnd(market, timeline, { upToMs, endMs: stretch.endMs, nowMs: nowMs() })
    await about.waitUntil(toMs)
    if (stop.aborted) break
    await hand.publish(timeline, upToMs, toMs)
    upToMs = toMs
    onProgress?.(progress())
  }
  await hand.leave()
  return progress()
}

/** Remembers, decides where to go on, and counts. */
async function openHand(about: MockMarket) {
  const { broker, market } = about
  const { partitionOf } = await openPublisher(broker, 'mock')
  const placement = placementOf(market.products, partitionOf)
  const memory = await recallMarket(broker, placement)
  const stretch = planStretch(market, about.wish, memory, about.nowMs())
  const { run, resumed } = stretch
  const numbers = resumed
    ? lastNumbers(memory.marks, await recallRejections(broker, run, stretch.fromMs))
    : undefined
  return handOf(about, stretch, placement, await openPublisher(broker, run, numbers))
}

function handOf(about: MockMarket, stretch: Stretch, placement: Placement, publisher: Publisher) {
  const { market } = about
  const { run, fromMs, endMs } = stretch
  const states = new Map(stretch.states)
  let books = 0
  let rejected = 0
  let upToMs = fromMs
  /** A mark of ours lies on the log, and none of them is a goodbye. */
  let present = stretch.resumed
  const topic = booksTopic('coinbase')
  const feed = { venue: 'coinbase', source: 'mock', run } as const

  function ups(): Draft[] {
    return market.products.map((product) => {
      const up: Up = { type: 'up', ...feed, product, atMs: fromMs }
      return { topic, key: product, value: JSON.stringify(up) }
    })
  }

  function marks(bye: boolean): Draft[] {
    const mark: Mark = { type: 'mark', ...feed, upToMs, bye }
    const value = JSON.stringify(mark)
    return [...placement.keys()].map((partition) => ({ topic, key: null, partition, value }))
  }

  function bodyDraft(tick: MadeTick): Draft {
    const { product } = tick.listing
    const state = stepTo(market, tick, states.get(product)!)
    states.set(product, state)
    const draft = draftOf(about, tick, state)
    if (draft.topic === topic) books++
    else rejected++
    return draft
  }

  async function publish(timeline: Timeline, afterMs: number, toMs: number): Promise<void> {
    const drafts = present ? [] : ups()
    for (const tick of timeline(afterMs, toMs)) drafts.push(bodyDraft(tick))
    upToMs = toMs
    const over = toMs >= endMs
    await publisher.send([...drafts, ...marks(over)])
    present = !over
  }

  async function leave(): Promise<void> {
    if (present) await publisher.send(marks(true))
    present = false
  }

  return { stretch, publish, leave, counts: () => ({ run, fromMs, upToMs, books, rejected }) }
}

/** One tick's body through the venue's parser. */
function draftOf(about: MockMarket, tick: MadeTick, state: MarketState): Draft {
  const { market, venue, bookLevels: levelsMax } = about
  const { product } = tick.listing
  const good = coinbaseBody(tick, bookAt(market, tick, state))
  const bytes = Buffer.from(isFaulty(market, tick) ? spoiled(good, tick) : good)
  const { receivedAtMs } = tick
  const parsed = venue.parseBook(bytes, { source: 'mock', product, receivedAtMs, levelsMax })
  if ('book' in parsed) return { topic: booksTopic(venue.id), key: product, value: encodeBook(parsed.book) }
  return about.reject(parsed.refusal, {
    venue: venue.id,
    source: 'mock',
    product,
    receivedAtMs,
    bytes,
    whole: true,
  })
}
