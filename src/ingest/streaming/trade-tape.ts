import type { HoleReason } from '../../models/feed-records.ts'
import type { TradeRules, WireTrade } from '../venue.ts'
import { countOf, type IdRange, overlapsAny, without } from './id-ranges.ts'

/** Trades whose ids are remembered where an id only tells trades apart: more than any venue sends again after a cut. */
const RECENT_IDS_MAX = 1_000
/** Trades of one product that are asked for after a hole: hours of the busiest one. Of a longer hole none are. */
const BACKFILL_MAX = 100_000
/** Trades that are asked for where nobody knows whether there were any. */
const PROBE_MAX = 1_000
/** So many old trades in a row are no repetition: the venue has begun to number anew. */
const OLD_MAX = 500

export type TradeTapeAbout = {
  readonly rules: TradeRules
  /** A trade that is new. `isBackfilled`: it was asked for. */
  readonly onTrade: (trade: WireTrade, atMs: number, isBackfilled: boolean) => void
  /** Asks for trades that were missed; `backfilled` or `unavailable` is called later. */
  readonly backfill: (missing: IdRange) => void
  /** Nothing is missing from `atMs` on. `complete`: nor was anything before, since the line was lost. */
  readonly onGood: (atMs: number, complete: boolean) => void
  readonly onLost: (reason: HoleReason, fromMs: number) => void
}

/**
 * One product's trades, each once. Where ids are dense a loss shows by the next trade, or by a heartbeat that names the last
 * one, and is asked for. What an outage cost is asked for at once, where that is possible; until it is known the hole stays
 * open. Where ids are opaque an outage is all that can be noticed, and its end is the end of the hole.
 *
 * The word that a hole is over comes after every trade that was in it.
 */
export class TradeTape {
  readonly #about: TradeTapeAbout
  #isLive = false
  /** The hole that is open ends here, as far as is known by now; undefined while there is none. */
  #holeToMs: number | undefined
  /** Whether the outage cost anything is not known before an answer, the next trade or a heartbeat comes. */
  #isUnsure = false
  /** Something of the hole can never be had. */
  #isTorn = false
  #lastId: number | undefined
  #missing: IdRange[] = []
  #asked: Asked | undefined
  /** The line is live again, and it has not been asked yet what that cost. */
  #isToProbe = false
  readonly #recent = new Set<string>()
  /** When the last sign came that nothing was missing. */
  #goodMs = 0
  /** What a heartbeat named and had not come: it may be on its way until the next. */
  #promisedId = 0
  #oldInARow = 0
  #heard = 0

  constructor(about: TradeTapeAbout) {
    this.#about = about
  }

  get isInHole(): boolean {
    return this.#holeToMs !== undefined
  }

  /** How many trades have come. */
  get heard(): number {
    return this.#heard
  }

  live(atMs: number): void {
    if (this.#isLive) return
    this.#isLive = true
    this.#promisedId = 0
    this.#goodMs = atMs
    if (this.#holeToMs === undefined) {
      this.#about.onGood(atMs, true)
      return
    }
    this.#holeToMs = atMs
    // Without numbers, or without a number before the outage, nobody can say what it cost.
    this.#isUnsure = this.#isDense && this.#lastId !== undefined
    this.#isToProbe = this.#isUnsure
    if (!this.#isUnsure) this.#isTorn = true
    this.#settle()
  }

  cut(reason: HoleReason, lastFrameMs: number): void {
    if (!this.#isLive) return
    this.#isLive = false
    this.#lose(reason, Math.max(this.#goodMs, lastFrameMs))
  }

  /** A trade that could not be read was a trade all the same. Where ids are dense the next one says so. */
  rejected(atMs: number): void {
    if (this.#isDense || !this.#isLive) return
    this.#lose('bad-answer', this.#goodMs)
    this.#isTorn = true
    this.#holeToMs = atMs
    this.#goodMs = atMs
    this.#settle()
  }

  /** Something came at `fromMs` that may have been a trade, and nothing since that would have shown it. */
  doubted(fromMs: number, atMs: number): void {
    if (!this.#isDense || !this.#isLive || this.isInHole) return
    this.#lose('bad-answer', fromMs)
    this.#holeToMs = atMs
    this.#isUnsure = this.#lastId !== undefined
    this.#isToProbe = this.#isUnsure
    if (!this.#isUnsure) this.#isTorn = true
    this.#settle()
  }

  /** Answers whether the trade is new. */
  take(trade: WireTrade, atMs: number): boolean {
    this.#heard++
    if (!this.#isLive) this.live(atMs)
    if (!this.#isDense) return this.#takeOpaque(trade, atMs)
    const ids = this.#idsOf(trade)
    if (this.#lastId !== undefined && ids.toId <= this.#lastId) return this.#takeOld(trade, ids, atMs)
    this.#reach(ids.fromId - 1, atMs)
    this.#lastId = ids.toId
    this.#oldInARow = 0
    this.#about.onTrade(trade, atMs, false)
    this.#sure(atMs)
    return true
  }

  /** The venue names the last trade there was. */
  heartbeat(lastTradeId: string | undefined, atMs: number): void {
    if (!this.#isLive) this.live(atMs)
    const id = Number(lastTradeId)
    if (!this.#isDense || lastTradeId === undefined || !Number.isSafeInteger(id)) return
    const lastId = this.#lastId ?? id
    this.#lastId = lastId
    if (this.#promisedId > lastId) this.#reach(this.#promisedId, atMs)
    if (this.#promisedId > lastId || id <= lastId) this.#sure(atMs)
    this.#promisedId = id
  }

  /** What an asking brought: what was missing of it is told, in order, and it is asked on where something still is. */
  backfilled(trades: readonly WireTrade[], atMs: number): void {
    const asked = this.#asked
    this.#asked = undefined
    const inOrder = [...trades].sort((a, b) => Number(a.id) - Number(b.id))
    if (asked === undefined || asked.isProbe) this.#probed(inOrder, atMs, asked)
    else this.#fill(inOrder, atMs, asked)
    this.#settle()
  }

  /** What was asked for cannot be had. Where nobody knows whether there was anything, the next trade will tell. */
  unavailable(): void {
    const asked = this.#asked
    this.#asked = undefined
    if (asked?.isProbe === false) this.#giveUp(without(this.#missing, asked))
    this.#settle()
  }

  get #isDense(): boolean {
    return this.#about.rules.ids !== 'opaque'
  }

  #idsOf({ id, fills }: WireTrade): IdRange {
    const toId = Number(id)
    return { fromId: this.#about.rules.ids === 'dense-by-fill' ? toId - fills + 1 : toId, toId }
  }

  /** One that came late, or twice. */
  #takeOld(trade: WireTrade, ids: IdRange, atMs: number): boolean {
    if (!overlapsAny(this.#missing, ids)) {
      if (++this.#oldInARow > OLD_MAX) this.#beginAnew(ids.toId, atMs)
      return false
    }
    this.#about.onTrade(trade, atMs, false)
    this.#missing = without(this.#missing, ids)
    this.#settle()
    return true
  }

  #takeOpaque(trade: WireTrade, atMs: number): boolean {
    if (this.#recent.has(trade.id)) return false
    this.#recent.add(trade.id)
    if (this.#recent.size > RECENT_IDS_MAX) this.#recent.delete(this.#recent.values().next().value!)
    this.#goodMs = atMs
    this.#about.onTrade(trade, atMs, false)
    return true
  }

  /** Everything up to `id` has happened: what of it is not here is missing. */
  #reach(id: number, atMs: number): void {
    const lastId = this.#lastId ?? id
    if (id <= lastId) return
    this.#lastId = id
    this.#lose('lost-trades', this.#goodMs)
    this.#missing.push({ fromId: lastId + 1, toId: id })
    // Nobody knows when within the silence they were.
    this.#isUnsure = false
    this.#holeToMs = atMs
  }

  /** What an outage cost is known now. */
  #sure(atMs: number): void {
    this.#isUnsure = false
    this.#goodMs = atMs
    this.#settle()
  }

  /** What the venue has brought of the numbers that are missing. A page without any of them says that they cannot be had. */
  #fill(trades: readonly WireTrade[], atMs: number, asked: IdRange | undefined): void {
    const wanted = trades.filter((trade) => overlapsAny(this.#missing, this.#idsOf(trade)))
    for (const trade of wanted) {
      this.#about.onTrade(trade, atMs, true)
      this.#missing = without(this.#missing, this.#idsOf(trade))
    }
    if (wanted.length === 0 && asked !== undefined) this.#giveUp(without(this.#missing, asked))
  }

  /** What the venue has brought beyond the last number we know; if nothing, the outage cost nothing. */
  #probed(trades: readonly WireTrade[], atMs: number, asked: Asked | undefined): void {
    // By now a trade may have told, or another outage may have come after the asking.
    if (!this.#isUnsure || this.#isToProbe || asked === undefined) {
      this.#fill(trades, atMs, undefined)
      return
    }
    const beyond = trades.filter((trade) => this.#idsOf(trade).toId > this.#lastId!)
    for (const trade of beyond) {
      const ids = this.#idsOf(trade)
      this.#reach(ids.fromId - 1, atMs)
      this.#lastId = ids.toId
      this.#about.onTrade(trade, atMs, true)
    }
    if (beyond.length === 0) this.#isUnsure = false
    else this.#isToProbe = true
  }

  #beginAnew(lastId: number, atMs: number): void {
    this.#lose('lost-trades', this.#goodMs)
    this.#missing = []
    this.#isTorn = true
    this.#isUnsure = false
    this.#lastId = lastId
    this.#oldInARow = 0
    this.#promisedId = 0
    this.#holeToMs = atMs
    this.#goodMs = atMs
    this.#settle()
  }

  #lose(reason: HoleReason, fromMs: number): void {
    this.#holeToMs ??= fromMs
    this.#about.onLost(reason, fromMs)
  }

  #giveUp(missing: IdRange[]): void {
    if (countOf(missing) < countOf(this.#missing)) this.#isTorn = true
    this.#missing = missing
  }

  /** Asks for what is missing, or may be, one after the other, and closes the hole where nothing is. */
  #settle(): void {
    if (this.#holeToMs === undefined || !this.#isLive) return
    const canAsk = this.#about.rules.backfill !== undefined && countOf(this.#missing) <= BACKFILL_MAX
    if (!canAsk) this.#giveUp([])
    const missing = this.#missing[0]
    if (this.#isUnsure) this.#probe()
    else if (missing !== undefined) this.#ask({ ...missing, isProbe: false })
    else this.#close(this.#holeToMs)
  }

  #close(toMs: number): void {
    const complete = !this.#isTorn
    this.#holeToMs = undefined
    this.#isTorn = false
    this.#about.onGood(toMs, complete)
  }

  #probe(): void {
    if (!this.#isToProbe || this.#asked !== undefined || this.#about.rules.backfill === undefined) return
    this.#isToProbe = false
    const fromId = this.#lastId! + 1
    this.#ask({ fromId, toId: fromId + PROBE_MAX - 1, isProbe: true })
  }

  #ask(asked: Asked): void {
    if (this.#asked !== undefined) return
    this.#asked = asked
    this.#about.backfill({ fromId: asked.fromId, toId: asked.toId })
  }
}

/** `isProbe`: nobody knows whether there is anything of it. */
type Asked = IdRange & { readonly isProbe: boolean }
