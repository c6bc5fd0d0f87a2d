import { z } from 'zod'
import type { Refusal } from '../../models/rejection.ts'
import { futureFault, onOneLine, readJson, rejected, schemaFault, wrongShape } from '../reading/reading.ts'
import { addRows, Count, productOf, Rows, VenueSymbol, WireTimeMs } from '../reading/wire-words.ts'
import type { BookSnapshot, FrameAbout, Listing, Opening, Rejected, Wire } from '../venue.ts'

/** What KuCoin answers over HTTP. Every answer is `{"code":"200000","data":...}`, every no `{"code":"400100","msg":"..."}`. */

/** What comes from elsewhere must not carry the venue's name. */
const OWN_ENDPOINT = /^wss:\/\/[a-z0-9-]+\.kucoin\.com(?::443)?\//

type RequestedOpening = Extract<Opening, { by: 'request' }>

/** The address of a socket, with a token in it that is good for one day. */
export const parseBullet =
  (home: string): RequestedOpening['parse'] =>
  (body, { connectId, socketUrl }) => {
    const answer = answerOf(body, Bullet)
    if ('refusal' in answer) return answer
    const { token, instanceServers } = answer.data
    const { endpoint, pingInterval } = instanceServers[0]!
    // The venue says itself where it is at home today; whoever stands in for it is where we were told to go.
    if (socketUrl === home && !OWN_ENDPOINT.test(endpoint)) {
      const path = ['data', 'instanceServers', 0, 'endpoint']
      return { refusal: wrongShape(path, onOneLine(`no host of the venue's own: ${endpoint}`)) }
    }
    const base = socketUrl === home ? endpoint : `${socketUrl}/`
    const query = `token=${encodeURIComponent(token)}&connectId=${encodeURIComponent(connectId)}`
    return { url: `${base}?${query}`, pingMs: pingInterval }
  }

export function parseListing(body: Uint8Array): ReturnType<Wire['parseListing']> {
  const answer = answerOf(body, z.array(z.unknown()))
  if ('refusal' in answer) return answer
  return { listings: answer.data.flatMap((row) => listingOf(row) ?? []) }
}

function listingOf(row: unknown): Listing | undefined {
  const { data } = SymbolRow.safeParse(row)
  const product = data && productOf(data.baseCurrency, data.quoteCurrency)
  return product === undefined ? undefined : { symbol: data!.symbol, product, trading: data!.enableTrading }
}

/** The best 100 levels a side: what lies deeper is had with a key only. */
export function parseSnapshot(
  body: Uint8Array,
  { levels, receivedAtMs, symbol }: FrameAbout & { readonly symbol: string },
): BookSnapshot | Rejected {
  levels.reset()
  const answer = answerOf(body, Snapshot)
  if ('refusal' in answer) return rejected(answer.refusal, { symbol, kind: 'books' })
  const { sequence, time, asks, bids } = answer.data
  const fault =
    addRows(levels, 'ask', asks, ['data', 'asks']) ??
    addRows(levels, 'bid', bids, ['data', 'bids']) ??
    futureFault(time, receivedAtMs, ['data', 'time'])
  if (fault !== undefined) {
    levels.reset()
    return rejected(fault, { symbol, kind: 'books' })
  }
  const range = { from: 0, to: levels.length }
  return { type: 'snapshot', symbol, last: sequence, exchangeTimeMs: time, whole: false, ...range }
}

function answerOf<T>(
  body: Uint8Array,
  schema: z.ZodType<T>,
): { readonly data: T } | { readonly refusal: Refusal } {
  const read = readJson(body)
  if ('refusal' in read) return read
  const answer = Answer.safeParse(read.json)
  if (answer.error !== undefined) return { refusal: schemaFault(answer.error) }
  const { code, msg, data } = answer.data
  if (code !== '200000') {
    return { refusal: wrongShape(['code'], onOneLine(`the venue says ${code}: ${msg ?? 'nothing more'}`)) }
  }
  const { data: known, error } = schema.safeParse(data)
  return error === undefined ? { data: known } : { refusal: schemaFault(error, ['data']) }
}

// The wire: https://www.kucoin.com/docs-new/websocket-api/base-info/get-public-token-spot-margin,
// https://www.kucoin.com/docs-new/rest/spot-trading/market-data/get-all-symbols and .../get-part-orderbook

const Answer = z.object({ code: z.string(), msg: z.string().optional(), data: z.unknown().optional() })

const Bullet = z.object({
  token: z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'expected a token of plain letters'),
  instanceServers: z
    .array(
      z.object({
        endpoint: z.string().regex(/^wss?:\/\/[^\s?#]+$/, 'expected the address of a socket'),
        /** Milliseconds between our pings. */
        pingInterval: z.int().min(1_000).max(600_000),
      }),
    )
    .nonempty(),
})

/** `symbol` stays what it is when a currency gets another name; `name` does not. */
const SymbolRow = z.object({
  symbol: VenueSymbol,
  baseCurrency: z.string(),
  quoteCurrency: z.string(),
  enableTrading: z.boolean(),
})

const Snapshot = z.object({ sequence: Count, time: WireTimeMs, bids: Rows, asks: Rows })
