import type { Exchange, SimRequest } from '../exchange.ts'
import type { Room } from '../room.ts'
import { openAdvanced } from './coinbase-advanced.ts'
import { openExchange } from './coinbase-exchange.ts'

/** Coinbase: at `advanced` the servers of Advanced Trade, else those of Coinbase Exchange, of the same markets. */
export function openCoinbase(room: Room): Exchange {
  const exchange = openExchange(room)
  const advanced = openAdvanced(room)
  const serversOf = ({ wire }: SimRequest) => (wire === 'advanced' ? advanced : exchange)
  return {
    http: (request) => serversOf(request).http(request),
    connect: (request, line) => serversOf(request).connect(request, line),
    publish(feed) {
      exchange.publish(feed)
      advanced.publish(feed)
    },
  }
}
