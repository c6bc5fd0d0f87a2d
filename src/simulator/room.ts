import type { Timers } from '../models/timers.ts'
import type { FeedKind } from '../models/topics.ts'
import type { FrameFault, VenueFaults } from './exchange-faults.ts'
import type { ExchangeMarket } from './exchange-market.ts'
import type { Feed, FeedClock } from './feeds.ts'
import type { Line } from './line.ts'

export type RoomAbout = {
  readonly feeds: readonly Feed[]
  readonly clock: FeedClock
  readonly after: Timers['after']
  readonly faults: VenueFaults
  /** For everything that is drawn beside the markets. */
  readonly key: number
  /** Whether the venue's limits on requests, messages and connects are held. */
  readonly limited: boolean
  /** Whether books carry checksums where a venue may leave them out. */
  readonly checksums: boolean
}

/** What one venue's servers stand on: its products, its clock, and what goes wrong there. */
export class Room {
  readonly feeds: readonly Feed[]
  readonly clock: FeedClock
  readonly after: Timers['after']
  readonly faults: VenueFaults
  readonly key: number
  readonly limited: boolean
  readonly checksums: boolean

  constructor(about: RoomAbout) {
    this.feeds = about.feeds
    this.clock = about.clock
    this.after = about.after
    this.faults = about.faults
    this.key = about.key
    this.limited = about.limited
    this.checksums = about.checksums
  }

  readonly nowMs = (): number => this.clock.nowMs()

  /** What a stamp says more than the time it stamps. */
  get aheadMs(): number {
    return this.faults.quiet ? 0 : this.faults.clockAheadMs()
  }

  /** The venue's own clock, as its stamps show it. */
  get stampMs(): number {
    return this.clock.nowMs() + this.aheadMs
  }

  /** When a market's last step was, as the venue's stamps show it. */
  stepStampMs(market: ExchangeMarket): number {
    return market.timeMs + this.aheadMs
  }

  /** What goes wrong with the next frame of that kind. To be asked once for each. */
  faultOf(feed: Feed, kind: FeedKind): FrameFault | undefined {
    return this.faults.quiet ? undefined : this.faults.ofFrame(feed.product, kind)
  }

  /** Sends a frame to everybody who listens to a channel; where nobody does, it is not even made. */
  tell(feed: Feed, channel: string, kind: FeedKind, text: () => string): void {
    const lines = feed.lines(channel)
    if (lines !== undefined) this.deliver(lines, feed, kind, text(), this.faultOf(feed, kind))
  }

  deliver(lines: ReadonlySet<Line>, feed: Feed, kind: FeedKind, text: string, fault?: FrameFault): void {
    const frame = Buffer.from(text)
    for (const line of lines) line.deliver(frame, feed.series[kind], fault)
  }

  /** Calls when a whole book may be told: now, unless snapshots are late. */
  whenSnapshot(feed: Feed, tell: () => void): void {
    const lateMs = this.faults.snapshotDelayMs(feed.product)
    if (lateMs === 0) tell()
    else this.after(lateMs, tell)
  }

  /** The price of a bid that crosses the book, in units, where the change that is told next is to hold one. */
  crossedBid(market: ExchangeMarket): number | undefined {
    if (this.faults.quiet || !this.faults.ofBook('crossed', market.listing.product)) return undefined
    return market.askPrice(market.asks.first) + market.gapUnits
  }

  /** The last trade that has been told of, or that would have been. */
  lastTradeId(feed: Feed): number {
    const { market } = feed
    return market.lastTradeId(feed.isHeard ? market.timeMs : this.clock.nowMs())
  }
}
