import type { Draft, Publisher } from '../broker/publisher.ts'
import { EngineError } from '../models/engine-error.ts'
import type { FeedRecord, HoleReason, Mark } from '../models/feed-records.ts'
import type { SourceId, VenueId } from '../models/scalars.ts'
import { type FeedKind, feedTopic } from '../models/topics.ts'
import { withUnsaid } from './unsaid.ts'
import {
  type Instant,
  NEW_WATCH,
  nextWatch,
  type Watch,
  type WatchAbout,
  type WatchEvent,
  type WatchStep,
} from './watch.ts'

/** What became of records: durable, or dropped since there was no room for them (`spool-full`). */
export type Fate = 'placed' | 'dropped'

/** One kind of news of one product: what is watched, and what a hole is a hole of. Known by identity. */
export type Line = {
  readonly kind: FeedKind
  readonly product: string
  /** Whether a loss would show. */
  readonly continuity: 'proven' | 'unproven'
}

/** Something that happened to a line, and the record it brought, if it brought one. */
export type Happening = { readonly line: Line; readonly event: WatchEvent; readonly also?: Draft | undefined }

/**
 * One run's lines on their topics: keeps each line's watch and publishes what it says, in the order of events. What comes
 * while something is being published waits and then goes together, so that every event finds the watch as it was really
 * told. Every method resolves when the fate of its records is known, and rejects as `publish` does otherwise.
 *
 * Of dropped records the watch tells as soon as there is room: before any mark, a hole from the last good answer placed.
 */
export type WatchedFeed = {
  say(happenings: readonly Happening[]): Promise<Fate>
  /** A good answer, with the book it brought, if that was new. */
  good(line: Line, at: Instant, book?: Draft): Promise<Fate>
  trouble(line: Line, at: Instant, reason: HoleReason, also?: Draft): Promise<Fate>
  /** The product will not be asked for again. Where that cannot be placed it is said with the marks to come. */
  refused(line: Line, at: Instant, reason: HoleReason): Promise<Fate>
  /** Opens what holes are due, then marks every partition this run feeds. `bye` at an orderly end. */
  mark(at: Instant, bye: boolean): Promise<Fate>
}

export type FeedAbout = {
  readonly venue: VenueId
  readonly source: SourceId
  readonly vouchMs: number
  /** Told of everything that was placed but marks. */
  readonly onRecord: (record: FeedRecord) => void
  /** Told of every publication: that it was placed, or why it was dropped. */
  readonly onFate: (dropped: EngineError | undefined) => void
}

/** What one call has to say: happenings, then, where it is a mark, the marks. */
type Saying = {
  readonly happenings: readonly Happening[]
  readonly mark: { readonly at: Instant; readonly bye: boolean } | undefined
  resolve(fate: Fate): void
  reject(error: unknown): void
}

/** Sayings put into words: nothing of it is true until it is placed. */
type Words = {
  readonly watches: ReadonlyMap<Line, Watch>
  readonly records: readonly FeedRecord[]
  readonly drafts: readonly Draft[]
}

export function openWatchedFeed(publisher: Publisher, lines: readonly Line[], feed: FeedAbout): WatchedFeed {
  const { venue, source, vouchMs } = feed
  const { run } = publisher
  const watches = new Map<Line, Watch>(lines.map((line) => [line, NEW_WATCH]))
  const abouts = new Map<Line, WatchAbout>(
    lines.map((line) => [line, { ...line, venue, source, run, vouchMs }]),
  )
  /** What happened and could not be said: before anything else of its line. */
  const unsaid = new Map<Line, readonly WatchEvent[]>()
  let waiting: Saying[] = []
  let speaking = false

  function say(happenings: readonly Happening[], mark?: Saying['mark']): Promise<Fate> {
    return new Promise((resolve, reject) => {
      waiting.push({ happenings, mark, resolve, reject })
      if (!speaking) void speak()
    })
  }

  async function speak(): Promise<void> {
    speaking = true
    while (waiting.length > 0) {
      const sayings = waiting
      waiting = []
      try {
        const fate = await publish(sayings)
        for (const { resolve } of sayings) resolve(fate)
      } catch (error) {
        for (const { reject } of sayings) reject(error)
      }
    }
    speaking = false
  }

  async function publish(sayings: readonly Saying[]): Promise<Fate> {
    const words = inWords(sayings)
    try {
      if (words.drafts.length > 0) await publisher.send(words.drafts)
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'spool-full') throw error
      for (const { happenings } of sayings) happenings.forEach(drop)
      feed.onFate(error)
      return 'dropped'
    }
    for (const [line, watch] of words.watches) {
      watches.set(line, watch)
      unsaid.delete(line)
    }
    words.records.forEach(feed.onRecord)
    if (words.drafts.length > 0) feed.onFate(undefined)
    return 'placed'
  }

  function inWords(sayings: readonly Saying[]): Words {
    const told = new Map<Line, Watch>()
    const records: FeedRecord[] = []
    const drafts: Draft[] = []
    const tell = (line: Line, event: WatchEvent) => {
      const step = next(told.get(line)!, line, event)
      told.set(line, step.watch)
      for (const record of step.records) {
        records.push(record)
        drafts.push({ topic: feedTopic(line.kind, venue), key: line.product, value: JSON.stringify(record) })
      }
    }
    for (const { happenings, mark } of sayings) {
      for (const { line, event, also } of happenings) {
        if (!told.has(line)) {
          told.set(line, watches.get(line)!)
          unsaid.get(line)?.forEach((earlier) => {
            tell(line, earlier)
          })
        }
        tell(line, event)
        if (also !== undefined) drafts.push(also)
      }
      if (mark !== undefined) {
        drafts.push(...marks(mark.at.timeMs, mark.bye, (line) => told.get(line) ?? watches.get(line)!))
      }
    }
    return { watches: told, records, drafts }
  }

  function marks(upToMs: number, bye: boolean, watchOf: (line: Line) => Watch): Draft[] {
    const mark: Mark = { type: 'mark', venue, source, run, upToMs, bye }
    const value = JSON.stringify(mark)
    const fed = new Map<string, Draft>()
    for (const line of lines) {
      if (watchOf(line).phase === 'waiting') continue
      const topic = feedTopic(line.kind, venue)
      const partition = publisher.partitionOf(topic, line.product)
      fed.set(`${topic}/${partition}`, { topic, key: null, partition, value })
    }
    return [...fed.values()]
  }

  /** Data that is gone is a hole; of words alone, what nobody will say again is kept, and what needed none has happened. */
  function drop({ line, event, also }: Happening): void {
    const happened: WatchEvent = also === undefined ? event : { kind: 'dropped', at: event.at }
    const { watch, records } = next(watches.get(line)!, line, happened)
    if (records.length === 0 && !unsaid.has(line)) watches.set(line, watch)
    else if (happened.kind !== 'tick' && happened.kind !== 'trouble') {
      unsaid.set(line, withUnsaid(unsaid.get(line) ?? [], happened))
    }
  }

  function next(watch: Watch, line: Line, event: WatchEvent): WatchStep {
    return nextWatch(watch, event, abouts.get(line)!)
  }

  return {
    say,
    good: (line, at, book) => say([{ line, event: { kind: 'good', at }, also: book }]),
    trouble: (line, at, reason, also) => say([{ line, event: { kind: 'trouble', at, reason }, also }]),
    refused: (line, at, reason) => say([{ line, event: { kind: 'refused', at, reason } }]),
    mark: (at, bye) =>
      say(
        lines.map((line) => ({ line, event: { kind: 'tick', at } })),
        { at, bye },
      ),
  }
}
