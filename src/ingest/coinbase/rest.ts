import { z } from 'zod'
import { compareTexts, isPositiveDecimal } from '../../models/decimal.ts'
import { type BookState, type EncodedBook, encodeLevels } from '../../models/product-book.ts'
import type { Refusal } from '../../models/rejection.ts'
import { PositiveDecimal, TIME_MS_MAX, TIME_MS_MIN } from '../../models/scalars.ts'
import { parseIsoTime } from '../../models/time.ts'
import { futureFault, onOneLine, readJson, schemaFault, wrongShape } from '../reading/reading.ts'
import type { BodyAbout, BookOrRefusal } from '../venue.ts'
import { type ScannedSide, scanBook } from './rest-scan.ts'

/** Where the whole book of a product is to be had. */
export function restBookUrl(baseUrl: string, product: string): string {
  return `${baseUrl}/products/${encodeURIComponent(product)}/book?level=2`
}

/** Level 2 over REST: the whole book, every price once. */
export function parseRestBook(body: Uint8Array, about: BodyAbout): BookOrRefusal {
  const read = scanned(body, about.levelsMax) ?? readByContract(body, about.levelsMax)
  return 'refusal' in read ? read : bookOf(read, about)
}

type ReadBook = { readonly bids: ScannedSide; readonly asks: ScannedSide; readonly rest: Rest }

function scanned(body: Uint8Array, levelsMax: number): ReadBook | undefined {
  const book = scanBook(body, levelsMax)
  if (book === undefined) return undefined
  const rest = Rest.safeParse(book.rest)
  return rest.success ? { ...book, rest: rest.data } : undefined
}

function bookOf({ bids, asks, rest }: ReadBook, about: BodyAbout): BookOrRefusal {
  const exchangeTimeMs = rest.time === undefined ? null : parseIsoTime(rest.time)!
  const refusal = futureFault(exchangeTimeMs ?? 0, about.receivedAtMs, ['time'])
  if (refusal !== undefined) return { refusal }
  const book: EncodedBook = {
    type: 'book',
    venue: 'coinbase',
    source: about.source,
    product: about.product,
    sequence: rest.sequence,
    exchangeTimeMs,
    receivedAtMs: about.receivedAtMs,
    state: rest.auction_mode === true ? 'indicative' : stateOf(bestPrice(bids), bestPrice(asks)),
    bids: bids.text,
    asks: asks.text,
    bidLevels: bids.levels,
    askLevels: asks.levels,
    since: null,
  }
  return { book }
}

function stateOf(bid: string, ask: string): BookState {
  const order = compareTexts(bid, ask)
  return order < 0 ? 'ok' : order > 0 ? 'crossed' : 'locked'
}

/** `64930.57` of `[["64930.57",...` */
function bestPrice({ text }: ScannedSide): string {
  return text.slice(3, text.indexOf('"', 3))
}

/**
 * What `RestBook` says of the body, for at most twice the cost of JSON.parse: the checks below say yes to what is right
 * at a fraction of zod's cost; to whatever they do not, zod alone says no, and where and why.
 */
function readByContract(body: Uint8Array, levelsMax: number): ReadBook | { refusal: Refusal } {
  const read = readJson(body)
  if ('refusal' in read) return read
  const fault = faultOf(read.json)
  if (fault !== undefined) return { refusal: fault }
  const book = read.json as RestBook
  const top = (levels: RestLevel[]): ScannedSide => ({
    text: encodeLevels(
      levels.slice(0, levelsMax).map(([price, size, orders]) => [price, size, Number(orders)]),
    ),
    levels: levels.length,
  })
  return { bids: top(book.bids), asks: top(book.asks), rest: book }
}

/** The first thing wrong with a body, in the order of the schema, or undefined. */
function faultOf(json: unknown): Refusal | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return faultBy(Rest, json, [])
  const { bids, asks, message } = json as Record<string, unknown>
  if (bids === undefined && asks === undefined && typeof message === 'string') {
    return wrongShape(
      ['bids'],
      `the venue sent no book but the message ${JSON.stringify(onOneLine(message))}`,
    )
  }
  return faultOfSide('bids', bids) ?? faultOfSide('asks', asks) ?? faultBy(Rest, json, [])
}

function faultOfSide(side: 'bids' | 'asks', levels: unknown): Refusal | undefined {
  if (!Array.isArray(levels) || levels.length === 0) return faultBy(SomeLevels, levels, [side])
  let unsortedAt = -1
  for (let i = 0; i < levels.length; i++) {
    const fault = isLevel(levels[i]) ? undefined : faultBy(RestLevel, levels[i], [side, i])
    if (fault !== undefined) return fault
    if (unsortedAt === -1 && i > 0 && !isBehind(levels[i], levels[i - 1], side)) unsortedAt = i
  }
  return unsortedAt === -1 ? undefined : wrongShape([side, unsortedAt, 0], unsorted(side))
}

function isLevel(level: unknown): boolean {
  if (!Array.isArray(level) || level.length !== 3) return false
  const [price, size, orders] = level
  return (
    typeof price === 'string' &&
    typeof size === 'string' &&
    isPositiveDecimal(price) &&
    isPositiveDecimal(size) &&
    (typeof orders === 'number'
      ? Number.isSafeInteger(orders) && orders > 0
      : typeof orders === 'string' && isCount(orders))
  )
}

/** Whether a level keeps its side's order: bids fall, asks rise, and so no price stands twice. */
function isBehind(level: RestLevel, before: RestLevel, side: 'bids' | 'asks'): boolean {
  const order = compareTexts(level[0], before[0])
  return side === 'bids' ? order < 0 : order > 0
}

function unsorted(side: 'bids' | 'asks'): string {
  return `expected ${side === 'bids' ? 'falling' : 'rising'} prices, none twice`
}

function isCount(text: string): boolean {
  return text.length <= 16 && /^[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text))
}

/** What zod says first, if anything. */
function faultBy(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): Refusal | undefined {
  const { error } = schema.safeParse(value)
  return error && schemaFault(error, path)
}

// The wire: https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-book
//
//   { "bids": [["64930.57", "0.07705309", 1], ...], "asks": [...], "sequence": 133905821961,
//     "auction_mode": false, "auction": null, "time": "2026-08-07T20:04:08.123456Z" }
//
// A full BTC-USD body has some 45,000 levels and 1.2 MB. Prices come without trailing zeros ("64930").

const COUNT_MESSAGE = 'expected a whole number of orders above zero'

/** [price, size, num_orders]; num_orders comes as 3, in older documents as "3". The size is the sum of all its orders. */
const RestLevel = z.tuple([
  PositiveDecimal,
  PositiveDecimal,
  z.union([z.int().positive(), z.string().refine(isCount, COUNT_MESSAGE)], COUNT_MESSAGE),
])
type RestLevel = z.infer<typeof RestLevel>

const SomeLevels = z.array(z.unknown()).nonempty()

const restSide = (side: 'bids' | 'asks') =>
  z
    .array(RestLevel)
    .nonempty()
    .superRefine((levels, context) => {
      const i = levels.findIndex((level, at) => at > 0 && !isBehind(level, levels[at - 1]!, side))
      if (i !== -1) context.addIssue({ code: 'custom', path: [i, 0], message: unsorted(side) })
    })

const Rest = z.object({
  sequence: z.int().nonnegative(),
  /** Absent in the documented example, present in what the API sends. */
  time: z.string().refine(isBookTime, 'expected an ISO 8601 time in UTC between 2010 and 2100').optional(),
  /** In an auction the book is an indicative quote. */
  auction_mode: z.boolean().optional(),
})
type Rest = z.infer<typeof Rest>

/** The contract: a body is a book if and only if this says so. Keys it does not name are the venue's own business. */
export const RestBook = z.object({ bids: restSide('bids'), asks: restSide('asks'), ...Rest.shape })
export type RestBook = z.infer<typeof RestBook>

function isBookTime(text: string): boolean {
  const timeMs = parseIsoTime(text)
  return timeMs !== undefined && timeMs >= TIME_MS_MIN && timeMs <= TIME_MS_MAX
}
