import { setTimeout as pauseFor } from 'node:timers/promises'
import type { Logger } from 'pino'
import { EngineError } from '../../models/engine-error.ts'
import {
  type ConsumeOptions,
  type Consumer,
  type GroupOffset,
  type TopicPartition,
  tpName,
} from '../broker.ts'
import type { KafkaAway } from './away.ts'
import type { KafkaClients } from './client.ts'
import { within } from './cluster.ts'
import { brokenPromise, mayPass } from './errors.ts'
import type { KafkaLooks, Range } from './fetch.ts'
import { HandOver } from './hand-over.ts'
import { logLost, type Place, placeAt } from './places.ts'
import { type KafkaSession, openKafkaSession } from './session.ts'
import { watchPlaces } from './watch.ts'

export type ConsumerOptions = {
  readonly clients: KafkaClients
  readonly looks: KafkaLooks
  readonly away: KafkaAway
  readonly sessionMs: number
  readonly monotonicMs: () => number
  readonly random: () => number
  readonly log: Logger | undefined
}

const REJOIN_MS_MIN = 250
const REJOIN_MS_MAX = 4_000
const COMMIT_MS = 2_000
/** Whoever begins to read waits so long for Kafka to answer at all; later there is no end to the waiting. */
const FIRST_JOIN_MS = 10_000

/**
 * A member of a group until it is closed. Offsets are ours: kafkajs fetches where we say. All that is told to the caller is
 * told one after another.
 *
 *   joined ──► onLost (of what was held) ──► onAssigned ──► seek, resume ──► onBatch ...
 *   rebalancing, broken, closed ──► onLost;   broken ──► joins again with new connections
 */
export class KafkaConsumer implements Consumer {
  readonly #options: ConsumeOptions
  readonly #about: ConsumerOptions
  readonly #handOver: HandOver
  readonly done: Promise<void>
  #settle!: { resolve(): void; reject(error: unknown): void }
  #firstAssigned: { resolve(): void; reject(error: unknown): void } | undefined
  #session: KafkaSession | undefined
  #turn: Promise<unknown> = Promise.resolve()
  /** Counts assignments: what belongs to an earlier one than the last is void. */
  #assignment = 0
  /** What the caller was last told that it has; nothing while that is being changed. */
  #held: readonly TopicPartition[] | undefined
  readonly #places = new Map<string, Place>()
  #watch: { stop(): void } | undefined
  #unassignedSinceMs = 0
  readonly #startedAtMs: number
  #hasBegun = false
  #restarts = 0
  #rejoinMs = REJOIN_MS_MIN
  #ended: Promise<void> | undefined

  constructor(options: ConsumeOptions, about: ConsumerOptions) {
    this.#options = options
    this.#about = about
    this.#startedAtMs = about.monotonicMs()
    this.#handOver = new HandOver(options, about.monotonicMs, (error) => this.#end({ error }))
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.done.catch(() => undefined)
  }

  /** Resolves when this is a member, and what it was assigned has been answered. */
  async start(): Promise<void> {
    const assigned = new Promise<void>((resolve, reject) => {
      this.#firstAssigned = { resolve, reject }
    })
    this.#startWatch()
    this.#join()
    try {
      await assigned
    } catch (error) {
      await this.#end({ error })
      throw error
    }
  }

  // --- one thing at a time ---

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work)
    this.#turn = run.catch(() => undefined)
    return run
  }

  #inBackground(work: () => Promise<void>): void {
    this.#inTurn(work).catch((error) => {
      this.#firstAssigned?.reject(error)
      this.#end({ error })
    })
  }

  // --- the session ---

  #join(): void {
    const { clients, sessionMs } = this.#about
    const { topics, group } = this.#options
    const session: KafkaSession = openKafkaSession(
      { clients, topics, group, sessionMs },
      {
        onJoined: (tps) => this.#joined(session, tps),
        onRebalancing: () => this.#loseAll(),
        onBatch: (batch) =>
          this.#inTurn(() => this.#handOver.batch(batch, () => this.#placeIn(session, batch.tp))),
        onNothing: (tp, last) => this.#nothing(session, tp, last),
        onBroken: (error) => this.#broken(session, error),
      },
    )
    this.#session = session
    this.#unassignedSinceMs = this.#about.monotonicMs()
    session.start()
  }

  #broken(session: KafkaSession, thrown: Error): void {
    if (session !== this.#session) return
    const error = brokenPromise(thrown, `group ${this.#options.group}`, this.#about.clients.tried())
    const isRefused = error instanceof EngineError && error.retry === 'no'
    if (isRefused || this.#about.monotonicMs() > this.#startedAtMs + FIRST_JOIN_MS) {
      this.#firstAssigned?.reject(error)
    }
    if (isRefused) {
      this.#end({ error })
      return
    }
    // A coordinator that is only just starting is no news to whoever still waits to begin.
    if (this.#hasBegun) this.#about.away.away(error)
    this.#rejoin(session)
  }

  /** With new connections, and again until it works: nobody else would. */
  async #rejoin(session: KafkaSession): Promise<void> {
    if (session !== this.#session || this.#ended !== undefined) return
    this.#session = undefined
    this.#loseAll()
    await session.stop()
    await pauseFor(this.#rejoinMs * (0.75 + this.#about.random() / 2), undefined, { ref: false })
    this.#rejoinMs = Math.min(2 * this.#rejoinMs, REJOIN_MS_MAX)
    if (this.#ended === undefined) this.#join()
  }

  // --- what is assigned ---

  #joined(session: KafkaSession, tps: readonly TopicPartition[]): void {
    if (session !== this.#session) return
    const assignment = ++this.#assignment
    this.#rejoinMs = REJOIN_MS_MIN
    this.#about.away.back()
    this.#inBackground(async () => {
      await this.#lose()
      if (assignment !== this.#assignment) return
      this.#held = tps
      const places = await this.#placesOf(tps, await this.#options.onAssigned(tps))
      if (assignment !== this.#assignment) return
      for (const place of places) {
        this.#places.set(tpName(place.tp), place)
        session.seek(place.tp, place.offset)
      }
      session.resume(tps)
      this.#hasBegun = true
      this.#firstAssigned?.resolve()
    })
  }

  /** What is no longer on the log is passed over; a position past its end breaks the consumer. */
  async #placesOf(tps: readonly TopicPartition[], answer: ReadonlyMap<string, number>): Promise<Place[]> {
    const ranges = await this.#rangesOf(tps)
    return tps.map((tp) => {
      const [wanted, range] = [answer.get(tpName(tp)) ?? 0, ranges.get(tpName(tp))]
      if (range !== undefined && wanted > range.end) throw logLost({ tp, offset: wanted }, range.end)
      return placeAt(tp, Math.max(wanted, range?.start ?? 0), this.#about.monotonicMs())
    })
  }

  /** Nothing where Kafka does not answer: what is wrong with a position is then seen later. */
  async #rangesOf(tps: readonly TopicPartition[]): Promise<ReadonlyMap<string, Range>> {
    try {
      return await this.#about.looks.ranges(tps)
    } catch (error) {
      if (!mayPass(error)) throw error
      this.#about.log?.debug({ err: error }, 'positions are not checked: Kafka does not answer')
      return new Map()
    }
  }

  #loseAll(): void {
    this.#assignment++
    this.#unassignedSinceMs = this.#about.monotonicMs()
    this.#inBackground(() => this.#lose())
  }

  async #lose(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    this.#places.clear()
    if (held !== undefined) await this.#options.onLost(held)
  }

  /** Nothing, where the partition is not held any more, or is about to be lost. */
  #placeIn(session: KafkaSession, tp: TopicPartition): Place | undefined {
    const isCurrent = session === this.#session && this.#ended === undefined
    return isCurrent ? this.#places.get(tpName(tp)) : undefined
  }

  /** kafkajs passes over what ends transactions; it is read again, since offsets are dense for the caller. */
  #nothing(session: KafkaSession, tp: TopicPartition, lastOffset: number): void {
    this.#inBackground(async () => {
      const place = this.#placeIn(session, tp)
      if (place === undefined || place.paused) return
      while (place.offset <= lastOffset && this.#placeIn(session, tp) === place) {
        const records = await this.#about.looks.read(tp, place.offset, lastOffset - place.offset + 1)
        if (records.length === 0) return
        await this.#handOver.records(place, records, async () => undefined)
      }
    })
  }

  // --- watching ---

  #startWatch(): void {
    const { looks, monotonicMs, sessionMs, log } = this.#about
    this.#watch = watchPlaces({
      places: () => (this.#session === undefined || this.#handOver.isBusy ? [] : [...this.#places.values()]),
      heardAtMs: () => this.#handOver.heardAtMs,
      unassignedSinceMs: () => (this.#held === undefined ? this.#unassignedSinceMs : undefined),
      onStuck: (problem) => this.#stuck(problem),
      onLost: (error) => this.#end({ error }),
      looks,
      monotonicMs,
      sessionMs,
      log,
    })
  }

  #stuck(problem: string): void {
    const { group } = this.#options
    if (this.#session === undefined) return
    this.#restarts++
    this.#about.log?.warn(
      { group, restarts: this.#restarts },
      `reading for ${group} is stuck (${problem}): it joins again`,
    )
    this.#rejoin(this.#session)
  }

  // --- the caller ---

  #eachPlace(tps: readonly TopicPartition[], change: (place: Place) => void): void {
    for (const tp of tps) {
      // It may have been lost a moment ago.
      const place = this.#places.get(tpName(tp))
      if (place !== undefined) change(place)
    }
  }

  pause(tps: readonly TopicPartition[]): void {
    this.#eachPlace(tps, (place) => {
      place.paused = true
      this.#session?.pause([place.tp])
    })
  }

  resume(tps: readonly TopicPartition[]): void {
    this.#eachPlace(tps, (place) => {
      place.paused = false
      place.heardAtMs = this.#about.monotonicMs()
      this.#session?.resume([place.tp])
    })
  }

  seek(tp: TopicPartition, offset: number): void {
    this.#eachPlace([tp], (place) => {
      place.offset = offset
      place.heardAtMs = this.#about.monotonicMs()
      this.#session?.seek(tp, offset)
    })
  }

  /** Tells the group how far it is. While it has members, only they can. */
  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    await within(COMMIT_MS, this.#session?.commit(offsets) ?? Promise.resolve())
  }

  close(): Promise<void> {
    return this.#end()
  }

  #end(why?: { readonly error: unknown }): Promise<void> {
    this.#ended ??= this.#finish(why)
    return this.#ended
  }

  async #finish(why: { readonly error: unknown } | undefined): Promise<void> {
    this.#watch?.stop()
    const session = this.#session
    // What is fetched meanwhile is of no use any more.
    session?.pause([...this.#places.values()].map(({ tp }) => tp))
    this.#assignment++
    this.#firstAssigned?.reject(new EngineError('closed', 'the consumer is closed'))
    let broken = why
    try {
      await this.#inTurn(() => this.#lose())
    } catch (error) {
      // What broke it first is what `done` tells.
      broken ??= { error }
    }
    await session?.stop()
    if (broken === undefined) this.#settle.resolve()
    else this.#settle.reject(broken.error)
  }
}
