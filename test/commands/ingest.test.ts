import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import type { Context } from '../../src/commands/context.ts'
import { ingest } from '../../src/commands/ingest.ts'
import { loadConfig } from '../../src/config.ts'
import { booksTopic } from '../../src/models/topics.ts'
import { openWebhookServer, type WebhookServer } from '../alerts/local-servers.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import { book, type LocalVenue, openLocalVenue, status } from '../ingest/local-venue.ts'

let dataDir: string
let slack: WebhookServer
let venue: LocalVenue

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'tidebook-'))
  slack = await openWebhookServer()
})

afterEach(async () => {
  await Promise.all([slack.close(), venue.close()])
  rmSync(dataDir, { recursive: true })
})

test('ingest polls what is configured until it is stopped, says goodbye and exits 0', async () => {
  const stopping = new AbortController()
  venue = await openLocalVenue((_, call) => book(call))
  const running = ingest(contextOf(stopping.signal))
  while (venue.calls.length < 4) await new Promise(setImmediate)
  stopping.abort()
  expect(await running).toBe(0)
  const values = await published()
  expect(new Set(values.filter(({ type }) => type === 'book').map(({ product }) => product))).toEqual(
    new Set(['BTC-USD', 'ETH-USD']),
  )
  expect(values.at(-1)).toMatchObject({ type: 'mark', source: 'simulator', bye: true })
  expect(slack.bodies).toEqual([])
})

test('ingest exits 1 when the venue refuses all that is configured, and each refusal was told once', async () => {
  venue = await openLocalVenue(() => status(404, {}, '{"message":"NotFound"}'))
  expect(await ingest(contextOf(new AbortController().signal))).toBe(1)
  expect(slack.bodies.map(({ text }) => text.split('\n')[0]).sort()).toEqual([
    '*coinbase refuses BTC-USD: 404*',
    '*coinbase refuses ETH-USD: 404*',
  ])
})

function contextOf(stop: AbortSignal): Context {
  const config = loadConfig({
    DATA_DIR: dataDir,
    VENUES: 'coinbase:BTC-USD,ETH-USD',
    COINBASE_REST_URL: venue.baseUrl,
    FEEDS: 'books',
    POLL_MS: '200',
    SLACK_WEBHOOK_URL: slack.url,
  })
  return {
    config,
    log: recordingLog().log,
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    random: () => 0.5,
    stop,
    out: () => {},
  }
}

async function published(): Promise<Record<string, unknown>[]> {
  const { config, ...about } = contextOf(new AbortController().signal)
  const broker = await openBroker(config, about)
  const records = await broker.read({ topic: booksTopic('coinbase'), partition: 0 }, 0, 1_000)
  await broker.close()
  return records.map(({ value }) => JSON.parse(value!) as Record<string, unknown>)
}
