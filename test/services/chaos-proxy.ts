import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What the way through is like. Every connection there is, and every new one, meets it at once. */
export type Weather = {
  /** What each piece of data waits for: between `latencyMs - jitterMs` and `latencyMs + jitterMs`. Order is kept. */
  readonly latencyMs?: number
  readonly jitterMs?: number
  /** Of a hundred pieces of data so many are answered by a reset of their connection instead. */
  readonly resetPercent?: number
}

/**
 * A way to a server that can be made bad: a port on loopback that forwards to another one. Give clients its address, and
 * have the server name it as its own (Kafka: `advertised.listeners`), or they will go round it.
 */
export type ChaosProxy = {
  /** `127.0.0.1:port`, the same whatever happens. */
  readonly address: string
  /** Where to: `host:port`. May be told once the server has started. */
  leadTo(address: string): void
  /** Good weather: everything is forwarded at once. Connections that had come to a dead end are reset. */
  pass(): Promise<void>
  /** As where nobody listens: connections are refused, those there are reset. */
  refuse(): Promise<void>
  /** A dead end: connections are taken, and what is said on them goes nowhere. No answer, no end, no error. */
  halfOpen(): Promise<void>
  /** Forwards, in bad weather. */
  blow(weather: Weather): Promise<void>
  /** Resets every connection there is. New ones are welcome. */
  cut(): void
  /** Bytes forwarded so far, both ways. */
  bytes(): number
  close(): Promise<void>
}

type Way = { readonly near: Socket; readonly far: Socket; isDead: boolean }

/** `below(n)`: a whole number in [0, n); hand in a seeded one, so that the same weather comes again. */
export async function openChaosProxy(below: (n: number) => number): Promise<ChaosProxy> {
  const ways = new Set<Way>()
  let target: AddressInfo | undefined
  let weather: Weather = {}
  let isDeadEnd = false
  let forwarded = 0
  let server = await listening(0, welcome)
  const { port } = server.address() as AddressInfo

  function welcome(near: Socket): void {
    if (target === undefined) {
      near.resetAndDestroy()
      return
    }
    const way = { near, far: connect(target.port, target.address), isDead: isDeadEnd }
    ways.add(way)
    carry(way, near, way.far)
    carry(way, way.far, near)
  }

  function carry(way: Way, from: Socket, to: Socket): void {
    const { near, far } = way
    // One piece after another, each when its time has come.
    let carried = Promise.resolve()
    function whenDue(act: () => void): void {
      const dueMs = performance.now() + waitMs()
      carried = carried.then(async () => {
        const leftMs = dueMs - performance.now()
        if (leftMs > 0) await delay(leftMs)
        if (!way.isDead && !to.destroyed) act()
      })
    }
    from.setNoDelay(true)
    from.on('data', (piece) => {
      if (way.isDead) return
      if (below(10_000) < (weather.resetPercent ?? 0) * 100) return reset(way)
      whenDue(() => {
        forwarded += piece.length
        // Whoever reads slowly slows the writer down, as without us.
        if (!to.write(piece)) from.pause()
      })
    })
    to.on('drain', () => from.resume())
    from.on('end', () => whenDue(() => to.end()))
    from.on('error', () => reset(way))
    from.on('close', () => near.destroyed && far.destroyed && ways.delete(way))
  }

  function waitMs(): number {
    const { latencyMs = 0, jitterMs = 0 } = weather
    return Math.max(0, latencyMs - jitterMs + below(2 * jitterMs + 1))
  }

  function reset(way: Way): void {
    ways.delete(way)
    way.near.resetAndDestroy()
    way.far.resetAndDestroy()
  }

  function cut(which: (way: Way) => boolean = () => true): void {
    for (const way of [...ways]) if (which(way)) reset(way)
  }

  async function open(): Promise<void> {
    if (!server.listening) server = await listening(port, welcome)
  }

  async function shut(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : undefined
    if (closed !== undefined) server.close()
    cut()
    await closed
  }

  async function change(next: { weather?: Weather; isDeadEnd?: boolean }): Promise<void> {
    weather = next.weather ?? {}
    isDeadEnd = next.isDeadEnd === true
    if (isDeadEnd) for (const way of ways) way.isDead = true
    else cut(({ isDead }) => isDead)
    await open()
  }

  return {
    address: `127.0.0.1:${port}`,
    leadTo: (address) => {
      const [host, targetPort] = address.split(':') as [string, string]
      target = { address: host, port: Number(targetPort), family: 'IPv4' }
    },
    pass: () => change({}),
    refuse: shut,
    halfOpen: () => change({ isDeadEnd: true }),
    blow: (next) => change({ weather: next }),
    cut: () => cut(),
    bytes: () => forwarded,
    close: shut,
  }
}

async function listening(port: number, welcome: (socket: Socket) => void): Promise<Server> {
  const server = createServer(welcome).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
