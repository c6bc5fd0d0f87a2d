import { json, type SimAnswer, type SimRequest } from '../exchange.ts'
import type { Feed } from '../feeds.ts'
import type { Room } from '../room.ts'
import { bookResult, instrumentText, tradeData } from './deribit-texts.ts'

export type Params = Readonly<Record<string, unknown>>
export type Result =
  | { readonly result: string }
  | { readonly error: { readonly code: number; readonly message: string } }

export const TOO_MANY: Result = { error: { code: 10028, message: 'too_many_requests' } }
export const NO_METHOD: Result = { error: { code: -32601, message: 'Method not found' } }

const CREDITS_MAX = 30_000
const CREDITS_A_SECOND = 10_000
export const REQUEST_CREDITS = 500
const PAGE = 10
const PAGE_MAX = 1_000

/** Methods that are the same over HTTP and on a socket. */
export class DeribitMethods {
  readonly #room: Room
  readonly #feeds: ReadonlyMap<string, Feed>
  readonly #spend: (cost: number) => boolean

  constructor(room: Room, feeds: ReadonlyMap<string, Feed>) {
    this.#room = room
    this.#feeds = feeds
    this.#spend = credits(room)
  }

  answer({ path, query }: SimRequest): SimAnswer {
    const method = /(?:public|private)\/\w+$/.exec(path)?.[0] ?? ''
    const isSpent = this.#room.limited && !this.#spend(REQUEST_CREDITS)
    const result = isSpent ? TOO_MANY : (this.call(method, Object.fromEntries(query)) ?? NO_METHOD)
    const status = 'result' in result ? 200 : isSpent ? 429 : 400
    const feed = this.#feeds.get(query.get('instrument_name') ?? '')
    const isBook = method === 'public/get_order_book' && feed !== undefined
    const delayMs = isBook ? this.#room.faults.snapshotDelayMs(feed.product) : 0
    return { ...json(answerText(undefined, result, this.#room.stampMs), status), delayMs }
  }

  /** Undefined where there is no such method. */
  call(method: string, params: Params): Result | undefined {
    if (method === 'public/test') return { result: '{"version":"1.2.26"}' }
    if (method === 'public/get_time') return { result: String(this.#room.stampMs) }
    if (method === 'public/get_instruments') return { result: `[${this.#instruments(params)}]` }
    const isBook = method === 'public/get_order_book'
    if (!isBook && method !== 'public/get_last_trades_by_instrument') return undefined
    const feed = this.#feeds.get(String(params['instrument_name']))
    if (feed === undefined) return { error: { code: 13020, message: 'not_found' } }
    if (!isBook) return { result: this.#trades(feed, params) }
    const market = this.#room.clock.marketOf(feed)
    return { result: bookResult(market, this.#room.stampMs, Number(params['depth'] ?? 5)) }
  }

  #instruments({ currency, kind }: Params): string {
    const isWanted = ({ listing }: Feed) => {
      const isOf = [undefined, 'any', listing.base, listing.quote].includes(currency as string | undefined)
      return (
        isOf &&
        [undefined, 'any', listing.type === 'spot' ? 'spot' : 'future'].includes(kind as string | undefined)
      )
    }
    return this.#room.feeds
      .filter(isWanted)
      .map(({ listing }) => instrumentText(listing))
      .join(',')
  }

  /** From `start_seq` on where it is given, else up to the newest; the newest first unless asked the other way round. */
  #trades(feed: Feed, params: Params): string {
    const { market } = feed
    const count = Math.min(Number(params['count'] ?? PAGE), PAGE_MAX)
    const last = this.#room.lastTradeId(feed)
    const to = Math.min(last, Number(params['end_seq'] ?? last))
    const from = Math.max(0, Number(params['start_seq'] ?? to - count + 1))
    const isForwards = params['start_seq'] !== undefined && params['sorting'] !== 'desc'
    const first = isForwards ? from : Math.max(from, to - count + 1)
    const end = Math.min(to + 1, first + count)
    const rows: string[] = []
    for (let id = first; id < end; id++) rows.push(tradeData(market, market.tradeOf(id)!, 0))
    if (params['sorting'] !== 'asc') rows.reverse()
    return `{"trades":[${rows.join(',')}],"has_more":${isForwards ? end <= to : first > from}}`
  }
}

export function answerText(id: unknown, answer: Result, timeMs: number): string {
  const head = id === undefined ? '{"jsonrpc":"2.0",' : `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`
  const body = 'result' in answer ? `"result":${answer.result}` : `"error":${JSON.stringify(answer.error)}`
  return `${head}${body},"usIn":${timeMs}100,"usOut":${timeMs}250,"usDiff":150,"testnet":false}`
}

/** What may be asked costs credits, which come back by and by. Answers false where there are too few. */
export function credits({ nowMs }: Room): (cost: number) => boolean {
  let left = CREDITS_MAX
  let atMs = nowMs()
  return (cost) => {
    left = Math.min(CREDITS_MAX, left + ((nowMs() - atMs) * CREDITS_A_SECOND) / 1_000)
    atMs = nowMs()
    if (left < cost) return false
    left -= cost
    return true
  }
}
