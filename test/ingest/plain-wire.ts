import { Levels } from '../../src/ingest/levels.ts'
import type { Subscription, Wire, WireEvent } from '../../src/ingest/venue.ts'

/**
 * A wire in plain words, one thing a line, for whatever concerns every wire. The venue says `welcome`, `ok <id>`,
 * `ok-of <channels>`, `no <id> <why>`, `no-of <channels> <why>`, `no`, `n <number>`, `closing`, `pong`, `please <text>`,
 * `beat <symbol>`, `book <symbol>`, `trade <symbol>`, `fall over`. We say `hello <id>`,
 * `sub <id> <channels>`, `unsub <id> <channels>`, `ping <id>`. A channel is `<kind>:<symbol>`; all tickers share `tickers`.
 */
export function plainWire(overrides: Partial<Wire> = {}, limits: Partial<Wire['limits']> = {}): Wire {
  return {
    name: 'plain',
    kinds: ['books', 'trades', 'tickers'],
    lists: 'both',
    restUrl: 'http://plain.test',
    socketUrl: 'ws://plain.test',
    limits: {
      connects: { perSecond: 1, burst: 5 },
      messages: { perSecond: 5, burst: 10 },
      requests: { perSecond: 10, burst: 10 },
      subscriptionsPerMessage: 2,
      subscriptionsPerConnection: 4,
      frameBytesMax: 1_000,
      ...limits,
    },
    listingRequests: () => [],
    parseListing: () => ({ listings: [] }),
    opening: { by: 'address', url: (socketUrl) => `${socketUrl}/ws` },
    waitsForWelcome: false,
    channel: plainChannel,
    subscribe: (subscriptions, id) => [`sub ${id} ${subscriptions.map(plainChannel).join(',')}`],
    unsubscribe: (subscriptions, id) => [`unsub ${id} ${subscriptions.map(plainChannel).join(',')}`],
    parseFrame: (frame) => new TextDecoder().decode(frame).split('\n').flatMap(plainEvent),
    idleMs: { books: 8_000 },
    ...overrides,
  }
}

export function plainChannel({ kind, symbol }: Subscription): string {
  return kind === 'tickers' ? 'tickers' : `${kind}:${symbol}`
}

export function plainSubscriptions(...channels: readonly string[]): Subscription[] {
  return channels.map((channel) => {
    const [kind, symbol] = channel.split(':') as [Subscription['kind'], string]
    return { kind, symbol }
  })
}

export const plainLevels = new Levels()

function plainEvent(line: string): WireEvent[] {
  const [verb, what = '', ...rest] = line.split(' ')
  const message = rest.join(' ')
  switch (verb) {
    case 'welcome':
    case 'closing':
      return [{ type: verb }]
    case 'ok':
      return [{ type: 'accepted', id: Number(what) }]
    case 'ok-of':
      return [{ type: 'accepted', channels: what.split(',') }]
    case 'no':
      return what === ''
        ? [{ type: 'refused', message: 'no' }]
        : [{ type: 'refused', id: Number(what), message }]
    case 'no-of':
      return [{ type: 'refused', channels: what.split(','), message }]
    case 'n':
      return [{ type: 'numbered', number: Number(what) }]
    case 'pong':
      return [{ type: 'alive' }]
    case 'please':
      return [{ type: 'send', text: [what, ...rest].join(' ') }]
    case 'beat':
      return [{ type: 'heartbeat', symbol: what }]
    case 'book':
      return [{ type: 'snapshot', symbol: what, from: 0, to: 0, last: 1, exchangeTimeMs: null, whole: true }]
    case 'trade':
      return [
        {
          type: 'trade',
          symbol: what,
          id: '1',
          price: '1',
          size: '1',
          side: 'buy',
          fills: 1,
          exchangeTimeMs: Date.UTC(2026, 10, 20),
        },
      ]
    case 'fall':
      throw new Error('fell over')
    default:
      return [
        { type: 'rejected', refusal: { kind: 'wrong-shape', path: '', message: `no such word: ${verb}` } },
      ]
  }
}
