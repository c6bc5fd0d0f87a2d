import type { VenueId } from '../models/scalars.ts'
import { listingOf } from './made-market.ts'
import { draw, keyOf } from './random.ts'

/** What is traded where, and in which steps. Prices and sizes are counted in whole units of `10^-places`. */
export type ExchangeListing = {
  readonly venue: VenueId
  /** Canonical, such as `BTC-USDT-PERP`. */
  readonly product: string
  /** As the venue spells it, such as `BTCUSDT`. */
  readonly symbol: string
  readonly base: string
  readonly quote: string
  /** linear: a perpetual that is settled in its quote; inverse: in its base, and its sizes are amounts of quote. */
  readonly type: 'spot' | 'linear' | 'inverse'
  readonly pricePlaces: number
  /** One tick of the price, in units. */
  readonly tickUnits: number
  readonly sizePlaces: number
  /** The smallest size, and the steps of all others, in units. */
  readonly lotUnits: number
  /** What one unit of size 1 stands for, in the base; of inverse products in the quote. 1 but for contracts. */
  readonly contractValue: number
  /** The price the product is drawn back to, in units. */
  readonly homeUnits: number
  /** Places for levels a side; some are empty now and then. */
  readonly levels: number
}

/** What each venue lists by itself: the same currencies everywhere, in the quotes that are at home there. */
const BASES = ['BTC', 'ETH', 'SOL', 'XRP', 'DOGE', 'ADA', 'LTC', 'LINK']

const defaults: Record<VenueId, () => string[]> = {
  coinbase: () => BASES.map((base) => `${base}-USD`),
  binance: () => [...BASES.map((base) => `${base}-USDT`), 'BTC-USDT-PERP', 'ETH-USDT-PERP'],
  kucoin: () => BASES.map((base) => `${base}-USDT`),
  okx: () => [...BASES.map((base) => `${base}-USDT`), 'BTC-USDT-PERP', 'ETH-USDT-PERP', 'BTC-USD-PERP'],
  deribit: () => ['BTC-USD-PERP', 'ETH-USD-PERP', 'SOL-USDC-PERP', 'XRP-USDC-PERP', 'BTC-USDC'],
}

export function defaultProducts(venue: VenueId): string[] {
  return defaults[venue]()
}

/** So many made-up products of a venue: those it lists by itself first, then `M0001-USDT` and so on. */
export function madeUpProducts(venue: VenueId, count: number): string[] {
  const products = defaultProducts(venue).slice(0, count)
  const name = MADE_UP[venue]
  for (let number = 1; products.length < count; number++) {
    products.push(name(`M${String(number).padStart(4, '0')}`))
  }
  return products
}

export const PRODUCTS_MAX = 5_000 // a venue: beyond it there is no venue

const MADE_UP: Record<VenueId, (base: string) => string> = {
  coinbase: (base) => `${base}-USD`,
  binance: (base) => `${base}-USDT`,
  kucoin: (base) => `${base}-USDT`,
  okx: (base) => `${base}-USDT`,
  deribit: (base) => `${base}-USDC-PERP`,
}

/** The listing of a product by its canonical name: spot is `BASE-QUOTE`, a perpetual `BASE-QUOTE-PERP`. */
export function exchangeListing(venue: VenueId, product: string): ExchangeListing {
  const [base = '', quote = '', perpetual] = product.split('-')
  const type = perpetual === undefined ? 'spot' : quote === 'USD' ? 'inverse' : 'linear'
  const about = { venue, product, base, quote, type } as const
  const home = listingOf(0, `${base}-USD`)
  const prices = pricesOf(venue, type, home)
  return {
    ...about,
    symbol: symbolOf(about),
    ...prices,
    ...sizesOf(venue, type, home),
    levels: levelsOf(base),
  }
}

type About = Pick<ExchangeListing, 'venue' | 'base' | 'quote' | 'type'>

function symbolOf({ venue, base, quote, type }: About): string {
  if (venue === 'binance') return `${base}${quote}`
  if (venue === 'okx') return type === 'spot' ? `${base}-${quote}` : `${base}-${quote}-SWAP`
  if (venue !== 'deribit') return `${base}-${quote}`
  if (type === 'inverse') return `${base}-PERPETUAL`
  return type === 'spot' ? `${base}_${quote}` : `${base}_${quote}-PERPETUAL`
}

type Home = { readonly homeTicks: number; readonly pricePlaces: number; readonly sizePlaces: number }

/** Some venues are content with a place less; Deribit's inverse futures go in fives. */
function pricesOf(venue: VenueId, type: ExchangeListing['type'], home: Home) {
  const coarse = venue !== 'coinbase' && venue !== 'binance' && home.homeTicks >= 100_000
  const pricePlaces = coarse ? home.pricePlaces - 1 : home.pricePlaces
  const homeUnits = coarse ? Math.round(home.homeTicks / 10) : home.homeTicks
  return { pricePlaces, homeUnits, tickUnits: venue === 'deribit' && type === 'inverse' ? 5 : 1 }
}

function sizesOf(venue: VenueId, type: ExchangeListing['type'], home: Home) {
  if (venue === 'deribit' && type === 'inverse') return { sizePlaces: 0, lotUnits: 10, contractValue: 1 }
  if (venue === 'okx' && type === 'inverse') return { sizePlaces: 0, lotUnits: 1, contractValue: 100 }
  if (venue === 'okx' && type === 'linear') return { sizePlaces: 2, lotUnits: 1, contractValue: 0.01 }
  const fewer = venue === 'binance' || venue === 'deribit' ? 3 : 0
  return { sizePlaces: home.sizePlaces - fewer, lotUnits: 1, contractValue: 1 }
}

/** The most traded have the deepest books; of the others it is a matter of their name. */
function levelsOf(base: string): number {
  if (base === 'BTC' || base === 'ETH') return LEVELS_MAX
  return LEVELS_MIN + (draw(keyOf(base), 7) % (LEVELS_USUAL - LEVELS_MIN))
}

export const LEVELS_MAX = 400 // what OKX's books hold
const LEVELS_MIN = 20
const LEVELS_USUAL = 120
