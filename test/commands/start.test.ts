import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { book, type LocalVenue, openLocalVenue, status } from '../ingest/local-venue.ts'

const BIN = resolve('dist/src/commands/tidebook.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-start-'))

let venue: LocalVenue
const started: ChildProcess[] = []
beforeAll(async () => {
  venue = await openLocalVenue((product, call) => (product === 'SOL-USD' ? status(404) : book(call)))
})
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  await venue.close()
  rmSync(folder, { recursive: true, force: true })
})

test('start ingests, processes and schedules; status tells what is live, what is in a hole, and after the end nothing is', async () => {
  expect((await askStatus()).code).toBe(1)

  const live = run('start', 'coinbase:BTC-USD,ETH-USD')
  await untilStatus(0)
  expect((await askStatus()).report.feeds).toMatchObject([
    {
      venue: 'coinbase',
      source: 'simulator',
      product: 'BTC-USD',
      state: 'live',
      openHoles: 0,
      rejections: 0,
    },
    { venue: 'coinbase', source: 'simulator', product: 'ETH-USD', state: 'live' },
  ])
  expect(await ended(live)).toEqual([0, null])

  const after = await askStatus()
  expect(after.code).toBe(1)
  expect(after.report.feeds.map(({ state }) => state)).toEqual(['ended', 'ended'])
  expect(after.report.lags.filter(({ topic }) => topic === 'books.coinbase')).toMatchObject([
    { lagRecords: 0 },
  ])
})

test('a product that the venue does not know is a hole, the others go on', async () => {
  const live = run('start', 'coinbase:BTC-USD,SOL-USD')
  await expect
    .poll(
      async () => (await askStatus()).report.feeds.find(({ product }) => product === 'SOL-USD')?.state,
      POLL,
    )
    .toBe('hole')
  expect((await askStatus()).report.feeds.find(({ product }) => product === 'BTC-USD')?.state).toBe('live')
  expect((await askStatus()).code).toBe(1)
  expect(await ended(live)).toEqual([0, null])
})

const POLL = { timeout: 20_000, interval: 300 }

function run(verb: string, venues: string): ChildProcess {
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  const child = spawn(process.execPath, [BIN, verb], {
    cwd: folder,
    env: environment(venues),
    stdio: [...stdio],
  })
  started.push(child)
  return child
}

function environment(venues = 'coinbase:BTC-USD') {
  return {
    VENUES: venues,
    COINBASE_REST_URL: venue.baseUrl,
    FEEDS: 'books',
    POLL_MS: '1000',
    LOG_LEVEL: 'error',
  }
}

async function ended(child: ChildProcess): Promise<unknown> {
  child.kill('SIGTERM')
  return once(child, 'exit')
}

type Report = {
  feeds: { venue: string; source: string; product: string; state: string }[]
  lags: { topic: string; lagRecords: number }[]
}

/** Asked from outside, while the venue in this process goes on answering. */
async function askStatus(): Promise<{ code: number | null; report: Report }> {
  const args = [BIN, 'status', '--format', 'json']
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { code, report: JSON.parse(stdout) as Report }
}

async function untilStatus(code: number): Promise<void> {
  await expect.poll(async () => (await askStatus()).code, POLL).toBe(code)
}
