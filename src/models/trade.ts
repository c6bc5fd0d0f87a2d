import { z } from 'zod'
import { PositiveDecimal, Product, SizeUnit, SourceId, TimeMs, VenueId } from './scalars.ts'
import { encodeUnit, stampedHead } from './stamped.ts'

/** Whose order met the book: a taker's `buy` lifts asks. Venues that name the maker's side are turned round where they are read. */
export const TakerSide = z.enum(['buy', 'sell'])
export type TakerSide = z.infer<typeof TakerSide>

/**
 * One trade as it travels on `trades.<venue>`. `id` is the venue's own; `fills` is how many single fills it stands for, where
 * the venue adds up those of one order at one price. `backfilled`: it was asked for after a hole, and so arrived late.
 */
export const Trade = z.object({
  type: z.literal('trade'),
  venue: VenueId,
  source: SourceId,
  product: Product,
  exchangeTimeMs: TimeMs,
  receivedAtMs: TimeMs,
  id: z.string().min(1).max(100),
  price: PositiveDecimal,
  size: PositiveDecimal,
  side: TakerSide,
  fills: z.int().positive(),
  backfilled: z.boolean(),
  unit: SizeUnit.optional(),
})
export type Trade = z.infer<typeof Trade>

/** The JSON text of a trade, in the one order of fields that readers pass over fast: whose it is and when, then the rest. */
export function encodeTrade(trade: Trade): string {
  const { type, venue, source, product, receivedAtMs, backfilled, unit } = trade
  return tradeText(stampedHead(type, venue, source, product), trade, { receivedAtMs, backfilled, unit })
}

/** What a venue says of a trade. */
export type TradeNews = Pick<Trade, 'exchangeTimeMs' | 'id' | 'price' | 'size' | 'side' | 'fills'>

/** The same for whoever keeps the head of a feed (`stampedHead`) and has many trades of it. */
export function tradeText(
  head: string,
  { exchangeTimeMs, id, price, size, side, fills }: TradeNews,
  { receivedAtMs, backfilled, unit }: Pick<Trade, 'receivedAtMs' | 'backfilled' | 'unit'>,
): string {
  return (
    `${head}${exchangeTimeMs},"receivedAtMs":${receivedAtMs},"id":${JSON.stringify(id)}` +
    `,"price":"${price}","size":"${size}","side":"${side}"` +
    `,"fills":${fills},"backfilled":${backfilled}${encodeUnit(unit)}}`
  )
}
