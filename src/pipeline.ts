import { bestPrices } from './processors/best-prices.ts'
import { holes, runs, watches } from './processors/feeds.ts'
import { insights } from './processors/insights.ts'
import { maxSpread } from './processors/max-spread.ts'
import { midPrice } from './processors/mid-price.ts'
import type { Processor, Records } from './processors/processor.ts'
import { rejectionDigest } from './processors/rejection-digest.ts'
import { rejections } from './processors/rejections.ts'
import { tickersSeen, tradesSeen } from './processors/seen.ts'
import { topOfBook } from './processors/top-of-book.ts'

//  coinbase ─┐  ┌─► books.<venue> ─────┬─ best-prices ──────► best_prices ────────► insight: best-prices
//  binance  ─┤  │    │ book            ├─ max-spread ───────► max_spread ─────────► insight: max-spread
//  kucoin   ─┤  │    │                 ├─ mid-price ────────► mid_price ──────────► insight: mid-price-forecast
//  okx      ─┼──┤    │                 └─ top-of-book ──────► top_of_book ────────► insights: top-of-book, consolidated
//  deribit  ─┤  │    │
//  mock     ─┤  ├─► trades.<venue> ────── trades-seen ──────► trades_seen ─────┐
//  simulator ┘  │    │ trade                                                   ├─► npm run status
//               └─► tickers.<venue> ───── tickers-seen ─────► tickers_seen ────┘
//                    │ ticker
//                    │
//                    │ up, mark, hole, on each of the three
//                    └────────────────── watches, runs, holes ─► their tables ──► coverage of every window, status
//
//  what could not ───► rejections ─┬─ rejections ───────► rejections ─────────► npm run rejections
//  be used                         └─ rejection-digest ─► rejection_digests ──► alerts, every tenth
//
//  what the insights ─► insights ──── insights ─────────► insights ───────────► one kept answer a slot
//  answered

/** Every processor there is. `windowsMs`: the lengths of the windows that are kept. */
export function pipeline(settings: { readonly windowsMs: readonly number[] }): Processor[] {
  return [
    flow(bestPrices(settings.windowsMs)),
    flow(maxSpread(settings.windowsMs)),
    flow(midPrice),
    flow(topOfBook),
    flow(tradesSeen),
    flow(tickersSeen),
    flow(runs),
    flow(watches),
    flow(holes),
    flow(rejections),
    flow(rejectionDigest),
    flow(insights),
  ]
}

/**
 * Lets processors of unlike records and rows share one list. What the type then forgets is the runner's promise: it
 * hands a processor only records of the kind it reads and rows that it made itself.
 */
function flow<Type extends keyof Records, Row>(processor: Processor<Type, Row>): Processor {
  return processor as unknown as Processor
}
