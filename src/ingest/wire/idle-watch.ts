import type { FeedKind } from '../../models/topics.ts'
import type { Subscription, Wire, WireEvent } from '../venue.ts'

/**
 * Silence of single subscriptions, however lively their connection is. Times are of a clock that never jumps. Kinds that
 * may be silent for ever are not watched.
 */
export type IdleWatch = {
  /** Accepted: from now on silence counts. */
  begin(subscriptions: readonly Subscription[], nowMs: number): void
  /** Nothing is expected of these any more. */
  end(subscriptions: readonly Subscription[]): void
  /** What came is a sign of life of whatever it is about. */
  heard(event: WireEvent, nowMs: number): void
  /** Those silent for too long. Each is named again only after as long a silence again. */
  idle(nowMs: number): readonly Subscription[]
  /** How often to ask, undefined where nothing is watched. */
  readonly everyMs: number | undefined
}

/** A silence is noticed at most a quarter of its bound late. */
const LOOKS = 4
const LOOK_MS_MIN = 250

type Watched = { readonly subscription: Subscription; sinceMs: number }

export function openIdleWatch({ idleMs }: Pick<Wire, 'idleMs'>): IdleWatch {
  const bounds = Object.values(idleMs)
  const watched: Record<FeedKind, Map<string, Watched>> = {
    books: new Map(),
    trades: new Map(),
    tickers: new Map(),
  }
  const all = Object.values(watched)

  return {
    begin(subscriptions, nowMs) {
      for (const subscription of subscriptions) {
        const { kind, symbol } = subscription
        if (idleMs[kind] !== undefined) watched[kind].set(symbol, { subscription, sinceMs: nowMs })
      }
    },
    end(subscriptions) {
      for (const { kind, symbol } of subscriptions) watched[kind].delete(symbol)
    },
    heard(event, nowMs) {
      if (!('symbol' in event) || event.symbol === undefined) return
      const kind = kindOf(event)
      for (const of of kind === undefined ? all : [watched[kind]]) {
        const one = of.get(event.symbol)
        if (one !== undefined) one.sinceMs = nowMs
      }
    },
    idle: (nowMs) =>
      all.flatMap((of) =>
        [...of.values()].flatMap((one) => {
          if (nowMs - one.sinceMs < idleMs[one.subscription.kind]!) return []
          one.sinceMs = nowMs
          return [one.subscription]
        }),
      ),
    everyMs: bounds.length === 0 ? undefined : Math.max(LOOK_MS_MIN, Math.min(...bounds) / LOOKS),
  }
}

/** The kind of news an event is, undefined where it concerns every kind. */
function kindOf(event: WireEvent): FeedKind | undefined {
  switch (event.type) {
    case 'snapshot':
    case 'delta':
      return 'books'
    case 'trade':
      return 'trades'
    case 'ticker':
      return 'tickers'
    case 'rejected':
      return event.kind
    default:
      return undefined
  }
}
