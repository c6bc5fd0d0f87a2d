import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import { type Draft, openPublisher } from '../../src/broker/publisher.ts'
import type { Context } from '../../src/commands/context.ts'
import { loadConfig } from '../../src/config.ts'
import { encodeBook, encodeLevels } from '../../src/models/product-book.ts'
import { booksTopic } from '../../src/models/topics.ts'

export type Line = { readonly msg: string; readonly [field: string]: unknown }

export type TestContext = Context & {
  readonly printed: () => string
  readonly lines: readonly Line[]
  /** Resolves with the first log line that fits, now or later. */
  logged(fits: (line: Line) => boolean): Promise<Line>
  readonly stopping: AbortController
}

/** A context over a fresh data folder, with the real clock unless another is given; what is said is kept. */
export function testContext(
  env: Record<string, string> = {},
  nowMs: () => number = () => Date.now(),
): TestContext {
  const folder = mkdtempSync(join(tmpdir(), 'tidebook-insights-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const stopping = new AbortController()
  const lines: Line[] = []
  const waiting = new Set<(line: Line) => void>()
  const out: string[] = []
  const write = (text: string) => {
    const line = JSON.parse(text) as Line
    lines.push(line)
    for (const tell of waiting) tell(line)
  }
  return {
    config: loadConfig({ DATA_DIR: folder, ...env }),
    log: pino({}, { write }),
    nowMs,
    monotonicMs: () => performance.now(),
    random: () => Math.random(),
    stop: stopping.signal,
    out: (text) => out.push(text),
    printed: () => out.join(''),
    lines,
    stopping,
    logged: (fits) =>
      new Promise((resolve) => {
        const known = lines.find(fits)
        if (known !== undefined) return resolve(known)
        const tell = (line: Line) => {
          if (!fits(line)) return
          waiting.delete(tell)
          resolve(line)
        }
        waiting.add(tell)
      }),
  }
}

export type Quote = { readonly atMs: number; readonly bid: string; readonly ask: string }

/** Publishes one book a quote, as a run of the mock generator that watched all the time from the first to the last. */
export async function publishQuotes(context: Context, quotes: readonly Quote[]): Promise<void> {
  const { config } = context
  const about = { venue: 'coinbase', source: 'mock', product: 'BTC-USD' } as const
  const broker = await openBroker(config, context)
  const publisher = await openPublisher(broker, 'run-1')
  const topic = booksTopic('coinbase')
  const draft = (key: string | null, value: string, more: Partial<Draft> = {}): Draft => ({
    topic,
    key,
    value,
    ...more,
  })
  const [fromMs, upToMs] = [quotes[0]!.atMs, quotes.at(-1)!.atMs]
  const up = JSON.stringify({ type: 'up', ...about, run: 'run-1', atMs: fromMs })
  const { product, ...watcher } = about
  const mark = JSON.stringify({ type: 'mark', ...watcher, run: 'run-1', upToMs, bye: true })
  await publisher.send([
    draft(product, up),
    ...quotes.map((quote, i) => draft(product, bookText(quote, about, i + 1))),
    draft(null, mark, { partition: publisher.partitionOf(topic, product) }),
  ])
  await broker.close()
}

function bookText(
  { atMs, bid, ask }: Quote,
  about: { venue: 'coinbase'; source: 'mock'; product: string },
  sequence: number,
): string {
  const order = Number(bid) - Number(ask)
  return encodeBook({
    type: 'book',
    ...about,
    sequence,
    exchangeTimeMs: atMs,
    receivedAtMs: atMs,
    state: order < 0 ? 'ok' : order > 0 ? 'crossed' : 'locked',
    bids: encodeLevels([[bid, '1', 1]]),
    asks: encodeLevels([[ask, '1', 1]]),
    bidLevels: 1,
    askLevels: 1,
    since: null,
  })
}
