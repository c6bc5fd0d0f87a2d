import { Levels } from '../../src/ingest/levels.ts'
import type { Socket, SocketEnd, Transport } from '../../src/ingest/transport.ts'
import type {
  BookDelta,
  BookSnapshot,
  HttpRequest,
  Listing,
  Subscription,
  Wire,
  WireEvent,
} from '../../src/ingest/venue.ts'
import { formatDecimal, parseDecimal } from '../../src/models/decimal.ts'
import type { VenueId } from '../../src/models/scalars.ts'
import type { FeedKind } from '../../src/models/topics.ts'

/**
 * The plainest listener there can be: it believes whatever the venue's own file reads, keeps books in maps, and begins
 * again with nothing. What it cannot keep in step it says.
 */
export type Listener = {
  readonly books: ReadonlyMap<string, HeardBook>
  readonly events: WireEvent[]
  readonly ends: SocketEnd[]
  readonly socket: () => Socket
  of<Type extends WireEvent['type']>(type: Type): Extract<WireEvent, { type: Type }>[]
  open(): Promise<void>
}

export type HeardBook = {
  last: number
  gaps: number
  hasSnapshot: boolean
  waiting: { delta: BookDelta; rows: Row[] }[]
  readonly bids: Map<string, string>
  readonly asks: Map<string, string>
}

type Row = { readonly isBid: boolean; readonly price: string; readonly size: string }

export type ListenerAbout = {
  readonly venue: VenueId
  readonly wire: Wire
  readonly transport: Transport
  readonly base: string
  readonly nowMs: () => number
  readonly subscriptions: readonly Subscription[]
  /** Told of every snapshot and change of a book before it is applied. */
  onBook?(event: BookSnapshot | BookDelta, levels: Levels): void
}

export function listener(about: ListenerAbout): Listener {
  const { wire, transport, nowMs } = about
  const restUrl = `http://${about.base}/${about.venue}/${wire.name}`
  const socketUrl = `ws://${about.base}/${about.venue}/${wire.name}`
  const levels = new Levels()
  const events: WireEvent[] = []
  const ends: SocketEnd[] = []
  const books = new Map<string, HeardBook>()
  let socket: Socket
  let id = 1

  function bookOf(symbol: string): HeardBook {
    const known = books.get(symbol)
    if (known !== undefined) return known
    const book = { last: -1, gaps: 0, hasSnapshot: false, waiting: [], bids: new Map(), asks: new Map() }
    books.set(symbol, book)
    return book
  }

  function take(event: WireEvent): void {
    events.push(event)
    if (event.type === 'welcome') subscribe()
    if (event.type === 'send') socket.send(event.text)
    if (event.type === 'snapshot' || event.type === 'delta') about.onBook?.(event, levels)
    if (event.type === 'snapshot') takeSnapshot(event, rowsOf(levels, event))
    if (event.type === 'delta') takeDelta(event, rowsOf(levels, event))
  }

  function takeSnapshot(snapshot: BookSnapshot, rows: readonly Row[]): void {
    const book = bookOf(snapshot.symbol)
    book.bids.clear()
    book.asks.clear()
    apply(book, rows)
    Object.assign(book, { last: snapshot.last, hasSnapshot: true })
    const waiting = book.waiting.splice(0)
    for (const { delta, rows } of waiting) takeDelta(delta, rows, wire.books?.bridges)
  }

  function takeDelta(delta: BookDelta, rows: Row[], bridges = wire.books?.follows): void {
    const book = bookOf(delta.symbol)
    if (!book.hasSnapshot) {
      book.waiting.push({ delta, rows })
      return
    }
    const following = (bridges ?? wire.books!.follows)(book.last, delta)
    if (following === 'old') return
    if (following === 'gap') book.gaps++
    apply(book, rows)
    book.last = delta.last
  }

  function subscribe(): void {
    for (const text of wire.subscribe(about.subscriptions, id++)) socket.send(text)
    for (const { kind, symbol } of about.subscriptions) {
      if (kind === 'books' && wire.books?.inBand === false) void askForBook(symbol)
    }
  }

  async function askForBook(symbol: string): Promise<void> {
    const snapshot = wire.books!.snapshot!
    const bytes = await asked(transport, snapshot.request(restUrl, symbol))
    const staged = new Levels()
    const read = snapshot.parse(bytes, { levels: staged, receivedAtMs: nowMs(), symbol })
    events.push(read)
    if (read.type === 'snapshot') takeSnapshot(read, rowsOf(staged, read))
  }

  async function open(): Promise<void> {
    for (const book of books.values()) book.hasSnapshot = false
    const url = await addressOf(wire, about, restUrl, socketUrl)
    await new Promise<void>((resolve) => {
      socket = transport.open(
        url,
        { frameBytesMax: wire.limits.frameBytesMax, openMsMax: 10_000 },
        {
          onOpen() {
            for (const text of wire.hello?.(id++) ?? []) socket.send(text)
            if (!wire.waitsForWelcome) subscribe()
            resolve()
          },
          onFrame(frame) {
            levels.reset()
            for (const event of wire.parseFrame(frame, { levels, receivedAtMs: nowMs() })) take(event)
          },
          onClose(end) {
            ends.push(end)
            resolve()
          },
        },
      )
    })
  }

  return {
    books,
    events,
    ends,
    open,
    socket: () => socket,
    of: <Type extends WireEvent['type']>(type: Type) =>
      events.filter((event): event is Extract<WireEvent, { type: Type }> => event.type === type),
  }
}

/** The venue's own list of what it trades. */
export async function listed(about: Omit<ListenerAbout, 'subscriptions'>): Promise<Listing[]> {
  const restUrl = `http://${about.base}/${about.venue}/${about.wire.name}`
  const listings: Listing[] = []
  for (const request of about.wire.listingRequests(restUrl)) {
    const read = about.wire.parseListing(await asked(about.transport, request))
    if ('refusal' in read) throw new Error(JSON.stringify(read.refusal))
    listings.push(...read.listings)
  }
  return listings
}

export async function asked(transport: Transport, request: HttpRequest): Promise<Uint8Array> {
  const limits = { timeoutMs: 60_000, bodyBytesMax: 16_777_216, stop: new AbortController().signal }
  const answer = await transport.request(request, limits)
  if (answer.kind !== 'body') throw new Error(`${request.url}: ${JSON.stringify(answer)}`)
  return answer.bytes
}

export function subscriptionsTo(symbols: readonly string[], kinds: readonly FeedKind[]): Subscription[] {
  return symbols.flatMap((symbol) => kinds.map((kind) => ({ kind, symbol })))
}

/** Best first, as plain decimals without zeros at the end. */
export function sideOf(levels: ReadonlyMap<string, string>, side: 'bids' | 'asks'): [string, string][] {
  const direction = side === 'bids' ? -1 : 1
  return [...levels].sort(([a], [b]) => direction * (Number(a) - Number(b)))
}

export function plain(text: string): string {
  return formatDecimal(parseDecimal(text)!)
}

async function addressOf(
  wire: Wire,
  about: ListenerAbout,
  restUrl: string,
  socketUrl: string,
): Promise<string> {
  const { opening } = wire
  if (opening.by === 'address') return opening.url(socketUrl, about.subscriptions)
  const read = opening.parse(await asked(about.transport, opening.request(restUrl)), {
    connectId: 'c1',
    socketUrl,
  })
  if ('refusal' in read) throw new Error(JSON.stringify(read.refusal))
  return read.url
}

function rowsOf(levels: Levels, { from, to }: { from: number; to: number }): Row[] {
  return Array.from({ length: to - from }, (_, index) => from + index).map((row) => ({
    isBid: levels.isBid[row] === 1,
    price: numberText(levels.priceDigits[row]!, levels.pricePlaces[row]!),
    size: numberText(levels.sizeDigits[row]!, levels.sizePlaces[row]!),
  }))
}

function numberText(digits: number, places: number): string {
  return formatDecimal({ units: digits, scale: places })
}

function apply(book: HeardBook, rows: readonly Row[]): void {
  for (const { isBid, price, size } of rows) {
    const side = isBid ? book.bids : book.asks
    if (size === '0') side.delete(price)
    else side.set(price, size)
  }
}
