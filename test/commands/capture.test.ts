import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import { capture } from '../../src/commands/capture.ts'
import type { Context } from '../../src/commands/context.ts'
import { ingestCapture } from '../../src/commands/ingest-capture.ts'
import { realTimers } from '../../src/commands/real-timers.ts'
import { loadConfig } from '../../src/config.ts'
import type { Transport } from '../../src/ingest/transport.ts'
import type { VenueId } from '../../src/models/scalars.ts'
import { openSimulator } from '../../src/simulator/sim.ts'
import { simTransport } from '../../src/simulator/sim-transport.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tidebook-capture-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const PRODUCTS: [VenueId, string][] = [
  ['okx', 'BTC-USDT'],
  ['binance', 'BTC-USDT'],
  ['kucoin', 'BTC-USDT'],
  ['deribit', 'BTC-USD-PERP'],
]

describe('a capture', () => {
  test.each(PRODUCTS)('of %s is published as what it was captured from', async (venue, product) => {
    expect(await captureSome(venue, product, 60)).toBe(0)
    expect(readdirSync(folder())).toEqual([expect.stringMatching(`^${venue}-\\d+T\\d+Z-0001.ndjson.gz$`)])
    expect(await ingestCapture(contextOf(), { path: folder() })).toBe(0)
    const books = await published(`books.${venue}`)
    expect(books[0]).toMatchObject({ type: 'up', source: 'simulator', product })
    expect(books.filter(({ type }) => type === 'book').length).toBeGreaterThan(5)
    expect(books.filter(({ type }) => type === 'hole-open')).toEqual([])
    expect(await published('rejections')).toEqual([])
  })

  test('of a venue that is none, or of no product, says so', async () => {
    await expect(capture(contextOf(), { venue: 'nowhere' })).rejects.toMatchObject({ code: 'usage' })
    await expect(capture(contextOf(), { venue: 'deribit' })).rejects.toMatchObject({ code: 'usage' })
    await expect(
      capture(contextOf(), { venue: 'okx', products: 'BTC-USDT', forText: 'soon' }),
    ).rejects.toMatchObject({
      code: 'usage',
    })
  })
})

/** Captures from simulated venues until so many frames have come. */
async function captureSome(venue: VenueId, product: string, frames: number): Promise<number> {
  const stopping = new AbortController()
  const context = contextOf(stopping.signal)
  const timers = realTimers(context)
  const simulator = openSimulator({
    seed: 1,
    timers,
    products: { [venue]: [product] },
    rates: { stepsPerSecond: 40 },
  })
  let left = frames
  const transport = counting(simTransport(simulator, timers), () => {
    if (--left === 0) stopping.abort()
  })
  const code = await capture(context, { venue, products: product, transport })
  simulator.close()
  return code
}

function folder(): string {
  return join(dataDir, 'captures')
}

async function published(topic: string): Promise<Record<string, unknown>[]> {
  const { config, ...about } = contextOf()
  const broker = await openBroker(config, about)
  const records = await broker.read({ topic, partition: 0 }, 0, 10_000)
  await broker.close()
  return records.map(({ value }) => JSON.parse(value!) as Record<string, unknown>)
}

function counting(transport: Transport, onFrame: () => void): Transport {
  return {
    open: (url, limits, handlers) =>
      transport.open(url, limits, {
        ...handlers,
        onFrame: (frame) => {
          onFrame()
          handlers.onFrame(frame)
        },
      }),
    request: (request, limits) => transport.request(request, limits),
  }
}

function contextOf(stop: AbortSignal = new AbortController().signal): Context {
  return {
    config: loadConfig({ DATA_DIR: dataDir, SIMULATOR_URL: 'http://127.0.0.1:1', BOOK_INTERVAL_MS: '0' }),
    log: pino({ level: 'silent' }),
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    random: Math.random,
    stop,
    out: () => {},
  }
}
