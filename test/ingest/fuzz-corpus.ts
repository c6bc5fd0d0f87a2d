import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { coinbase } from '../../src/ingest/coinbase.ts'
import type { Transport } from '../../src/ingest/transport.ts'
import type { FrameAbout, Wire } from '../../src/ingest/venue.ts'
import { venues } from '../../src/ingest/venues.ts'
import { VENUES, type VenueId } from '../../src/models/scalars.ts'
import { type VirtualTimers, virtualTimers } from '../../src/models/virtual-timers.ts'
import { openSimulator } from '../../src/simulator/sim.ts'
import { simTransport } from '../../src/simulator/sim-transport.ts'
import { listed, listener, subscriptionsTo } from '../simulator/listener.ts'
import { recordedFile, recordedFrames, recordedMessages } from './recorded.ts'
import { RECEIVED_AT_MS } from './wire-fixtures.ts'

/** Everything of a venue that reads bytes from outside, and true bytes of each kind to spoil. */
export type Reader = {
  /** Such as `binance spot frames`. */
  readonly name: string
  readonly venue: VenueId
  readonly wire: Wire
  readonly reads: 'frame' | 'snapshot' | 'trades' | 'listing' | 'opening' | 'book'
  read(bytes: Uint8Array, about: FrameAbout): unknown
  /** By where they come from, so that the few that were thought out are as often taken as the many that were recorded. */
  readonly groups: readonly (readonly Uint8Array[])[]
  /** Snapshots and lists of a megabyte: they are for now and then. */
  readonly large: readonly Uint8Array[]
}

/** What is asked for in a reader that must be told. */
const SYMBOL = 'BTC-USDT'
/** So many samples of one kind and one origin are enough variety. */
const SAMPLES_MAX = 400
const FIRST = 50
/** Frames are most of what venues send, and below this nearly all of them. */
export const LARGE_BYTES = 64 * 1024
const SIMULATED_MS = 60_000

type Samples = { readonly frames: readonly Uint8Array[]; readonly bodies: readonly Uint8Array[] }

/** All readers of all venues: fixtures, a simulated minute of every wire, and where RECORDINGS_DIR is set what lies there. */
export async function fuzzReaders(): Promise<Reader[]> {
  const readers: Reader[] = []
  for (const venue of VENUES) {
    const written = [fixtures(venue), recordings(venue)]
    for (const wire of venues[venue].wires) {
      const origins = [...written, await simulated(venue, wire)]
      readers.push(...readersOf(venue, wire, origins))
    }
  }
  return readers
}

function readersOf(venue: VenueId, wire: Wire, origins: readonly Samples[]): Reader[] {
  const of = (reads: Reader['reads'], read: Reader['read'] | undefined): Reader[] => {
    if (read === undefined) return []
    const groups = origins.map(({ frames, bodies }) => (reads === 'frame' ? frames : bodies))
    const name = `${venue} ${wire.name} ${reads}`
    const large = groups.flat().filter(({ length }) => length > LARGE_BYTES)
    const small = groups.map((group) => spread(group.filter(({ length }) => length <= LARGE_BYTES)))
    return [
      { name, venue, wire, reads, read, large, groups: small.filter((group) => group.length > 0) },
    ].filter(({ groups }) => groups.length > 0)
  }
  const snapshot = wire.books?.snapshot
  const backfill = wire.trades?.backfill
  const { opening } = wire
  const address = { connectId: 'c0ffee', socketUrl: wire.socketUrl }
  const book = {
    source: 'simulator',
    product: 'BTC-USD',
    receivedAtMs: RECEIVED_AT_MS,
    levelsMax: 20,
  } as const
  return [
    ...of('frame', wire.parseFrame),
    ...of('snapshot', snapshot && ((bytes, about) => snapshot.parse(bytes, { ...about, symbol: SYMBOL }))),
    ...of('trades', backfill && ((bytes) => backfill.parse(bytes, SYMBOL))),
    ...of('listing', (bytes) => wire.parseListing(bytes)),
    ...of('opening', opening.by === 'request' ? (bytes) => opening.parse(bytes, address) : undefined),
    ...of('book', wire.name === 'exchange' ? (bytes) => coinbase.parseBook(bytes, book) : undefined),
  ]
}

/** So many of them at most: the first, when acks and snapshots come, and of the others evenly. */
function spread(samples: readonly Uint8Array[]): readonly Uint8Array[] {
  if (samples.length <= SAMPLES_MAX) return samples
  const step = (samples.length - FIRST) / (SAMPLES_MAX - FIRST)
  const later = Array.from({ length: SAMPLES_MAX - FIRST }, (_, i) => samples[FIRST + Math.floor(i * step)]!)
  return [...samples.slice(0, FIRST), ...later]
}

function fixtures(venue: VenueId): Samples {
  const folder = `fixtures/${venue}`
  const names = readdirSync(folder).filter((name) => /^(?!.*\.expected\.).*\.json$/.test(name))
  const bytesOf = (start: string) =>
    names
      .filter((name) => name.startsWith(start))
      .map((name) => new Uint8Array(readFileSync(join(folder, name))))
  return { frames: bytesOf('ws-'), bodies: bytesOf('rest-') }
}

function recordings(venue: VenueId): Samples {
  const folder = join(process.env['RECORDINGS_DIR'] ?? '', venue)
  if (process.env['RECORDINGS_DIR'] === undefined || !existsSync(folder)) return { frames: [], bodies: [] }
  const frames: Uint8Array[] = []
  const bodies: Uint8Array[] = []
  for (const name of readdirSync(folder)) {
    const path = join(venue, name)
    if (name.endsWith('.jsonl')) frames.push(...recordedMessages(path).map(({ bytes }) => bytes))
    else if (/\.json(\.gz)?$/.test(name)) bodies.push(new Uint8Array(recordedFile(path)))
    else if (name.endsWith('.gz')) {
      for (const { bytes, url } of recordedFrames(path)) (url === null ? frames : bodies).push(bytes)
    }
  }
  return { frames, bodies }
}

/** All that a wire says to whoever asks for everything of two products for a minute. */
async function simulated(venue: VenueId, wire: Wire): Promise<Samples> {
  const timers = virtualTimers(RECEIVED_AT_MS - 2 * SIMULATED_MS)
  const simulator = openSimulator({ seed: 21, timers, checksums: true })
  const frames: Uint8Array[] = []
  const bodies: Uint8Array[] = []
  const transport = overheard(simTransport(simulator, timers), frames, bodies)
  const about = { venue, wire, transport, base: 'simulator', nowMs: timers.nowMs }
  const symbols = (await within(timers, listed(about))).slice(0, 2).map(({ symbol }) => symbol)
  const heard = listener({ ...about, subscriptions: subscriptionsTo(symbols, wire.kinds) })
  await within(timers, heard.open())
  await timers.advanceBy(SIMULATED_MS)
  const backfill = wire.trades?.backfill
  const last = heard.of('trade').at(-1)
  if (backfill !== undefined && last !== undefined) {
    const missing = { fromId: Number(last.id) - 20, toId: Number(last.id) }
    const request = backfill.request(`http://simulator/${venue}/${wire.name}`, last.symbol, missing)
    const limits = { timeoutMs: 10_000, bodyBytesMax: 16_777_216, stop: new AbortController().signal }
    await within(timers, transport.request(request, limits))
  }
  simulator.close()
  return { frames, bodies }
}

function overheard(transport: Transport, frames: Uint8Array[], bodies: Uint8Array[]): Transport {
  return {
    open: (url, limits, handlers) =>
      transport.open(url, limits, {
        ...handlers,
        onFrame(frame) {
          frames.push(new Uint8Array(frame))
          handlers.onFrame(frame)
        },
      }),
    async request(request, limits) {
      const answer = await transport.request(request, limits)
      if (answer.kind === 'body') bodies.push(new Uint8Array(answer.bytes))
      return answer
    },
  }
}

/** The clock goes on until it is done. */
async function within<Value>(timers: VirtualTimers, wanted: Promise<Value>): Promise<Value> {
  let isDone = false
  const done = wanted.finally(() => {
    isDone = true
  })
  done.catch(() => {})
  while (!isDone) await timers.advanceBy(100)
  return done
}
