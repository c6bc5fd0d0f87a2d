import type { Refusal } from '../../models/rejection.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { Levels } from '../levels.ts'
import type { Rejected, WireEvent } from '../venue.ts'
import { FUTURE_MS_MAX, type LiveProduct } from './live-product.ts'
import type { StreamLedger } from './stream-ledger.ts'

/** One frame with everything that hands its events on. */
export type Frame = {
  readonly events: readonly WireEvent[]
  readonly receivedAtMs: number
  readonly levels: Levels
  /** The products of its wire by the venue's spelling. */
  readonly products: ReadonlyMap<string, LiveProduct>
  /** Everything its connection carries: where nobody can say what a frame was about, it may have been about any of it. */
  readonly carried: readonly Carried[]
  readonly ledger: StreamLedger
  readonly reject: (refusal: Refusal, symbol: string | undefined) => void
}

/** One kind of news of one product. */
export type Carried = { readonly kind: FeedKind; readonly product: LiveProduct }

/** Hands every event of a frame to the product it is about, in order. */
export function handOn(frame: Frame): void {
  for (const event of frame.events) {
    frame.ledger.received++
    const refusal = faultOf(event, frame.receivedAtMs)
    if (refusal === undefined) handOnOne(event, frame)
    else handOnRejected({ type: 'rejected', refusal, ...aboutOf(event) }, frame)
  }
}

function handOnOne(event: WireEvent, frame: Frame): void {
  const { products, receivedAtMs, levels, ledger } = frame
  switch (event.type) {
    case 'delta':
    case 'snapshot':
    case 'trade':
    case 'ticker': {
      const product = products.get(event.symbol)
      if (product === undefined) ledger.unwanted++
      else if (event.type === 'trade') product.trade(event, receivedAtMs)
      else if (event.type === 'ticker') product.ticker(event, receivedAtMs)
      else if (product.book === undefined) ledger.unwanted++
      else if (event.type === 'delta') product.book.change(event, levels, receivedAtMs)
      else product.book.snapshot(event, levels, receivedAtMs)
      return
    }
    case 'rejected':
      handOnRejected(event, frame)
      return
    case 'heartbeat':
      ledger.control++
      products.get(event.symbol)?.heartbeat(event.lastTradeId, receivedAtMs)
      return
    case 'resync':
      ledger.control++
      resync(event.symbol, frame)
      return
    default:
      // The connection has seen to it.
      ledger.control++
  }
}

function resync(symbol: string | undefined, { products, carried }: Frame): void {
  if (symbol !== undefined) products.get(symbol)?.resync()
  else for (const { kind, product } of carried) if (kind === 'books') product.resync()
}

function handOnRejected(event: Rejected, frame: Frame): void {
  const { symbol, kind, refusal } = event
  frame.ledger.rejected++
  frame.reject(refusal, symbol)
  const { receivedAtMs } = frame
  if (symbol !== undefined) frame.products.get(symbol)?.rejected(kind, receivedAtMs)
  // What has numbers finds out by itself whether this was any of its own.
  else for (const one of frame.carried) one.product.rejectedPerhaps(one.kind, receivedAtMs)
}

/** A clock that is ahead makes windows of the future: such news is not used. */
function faultOf(event: WireEvent, receivedAtMs: number): Refusal | undefined {
  if (!('exchangeTimeMs' in event) || event.exchangeTimeMs === null) return undefined
  const aheadMs = event.exchangeTimeMs - receivedAtMs
  if (aheadMs <= FUTURE_MS_MAX) return undefined
  return { kind: 'future-time', path: 'exchangeTimeMs', message: `${aheadMs} ms ahead of our clock` }
}

function aboutOf(event: WireEvent): Pick<Rejected, 'symbol' | 'kind'> {
  if (!('symbol' in event) || event.symbol === undefined) return {}
  const kind = event.type === 'trade' ? 'trades' : event.type === 'ticker' ? 'tickers' : 'books'
  return { symbol: event.symbol, kind }
}
