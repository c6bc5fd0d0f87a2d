import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { book, hang, type LocalVenue, openLocalVenue } from '../ingest/local-venue.ts'
import { isAlive, type Running, run, start, temporaryDir } from './commands.ts'
import { sameLog } from './kill-points.ts'
import { history } from './kills.ts'
import { askAll, isThrough, logEnds, processAll, startProcess } from './tables.ts'

/**
 * Told to stop under load, every command ends in order: exit 0, what was read is committed, what was published is
 * finished, no process is left. One that needs more than ten seconds ends itself with 1.
 */
const IN_ORDER = { code: 0, signal: null }
const LOOK_MS = 10
/** Whose children are whose is read from /proc. */
const LINUX = process.platform === 'linux'
const LIVE = ['generate-mock', '--history', '10s', '--interval', '10ms', '--levels', '20']

let venue: LocalVenue
beforeAll(async () => {
  // Every third request is never answered: some are always on their way.
  venue = await openLocalVenue((_, call) => (call % 3 === 0 ? hang : book(call)))
})
afterAll(() => venue.close())

const venueEnv = () => ({
  VENUES: 'coinbase:BTC-USD,ETH-USD',
  COINBASE_REST_URL: venue.baseUrl,
  FEEDS: 'books',
  POLL_MS: '100',
  REQUEST_TIMEOUT_MS: '2000',
})

describe('told to stop by', () => {
  describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
    test('process, in the middle of catching up, commits what it has read', async () => {
      const dir = await backlog()
      const processing = startProcess(dir)
      await processing.ready
      processing.signal(signal)
      const { stderr, ...ending } = await processing.ended
      expect(ending).toMatchObject(IN_ORDER)
      expect(stderr).toContain('everything read is committed')
      expect(isThrough(dir)).toBe(false)
      await processAll(dir)
      expect((await run(dir, ['verify'])).code).toBe(0)
    }, 60_000)

    test('process, while a market is published live, leaves no record unread that it was woken for', async () => {
      const dir = temporaryDir()
      const making = start(dir, LIVE)
      const processing = startProcess(dir)
      await processing.ready
      await untilRecords(dir, 5_000)
      making.signal(signal)
      expect(await making.ended).toMatchObject(IN_ORDER)
      expect(lastOf(dir)).toMatchObject({ type: 'mark', bye: true })
      while (!isThrough(dir)) await delay(LOOK_MS)
      processing.signal(signal)
      expect(await processing.ended).toMatchObject(IN_ORDER)
      expect((await run(dir, ['verify'])).code).toBe(0)
    }, 60_000)

    test('generate-mock, in the middle of history, says goodbye', async () => {
      const dir = temporaryDir()
      const making = start(dir, history(25_000))
      await untilRecords(dir, 5_000)
      making.signal(signal)
      expect(await making.ended).toMatchObject(IN_ORDER)
      expect(logEnds(dir).get('books.coinbase/0')).toBeLessThan(90_000)
      expect(lastOf(dir)).toMatchObject({ type: 'mark', bye: true })
    }, 60_000)

    test('ingest, with requests on their way, says goodbye', async () => {
      const dir = temporaryDir()
      const ingesting = start(dir, ['ingest'], { env: venueEnv() })
      await untilRecords(dir, 10)
      ingesting.signal(signal)
      expect(await ingesting.ended).toMatchObject(IN_ORDER)
      expect(lastOf(dir)).toMatchObject({ type: 'mark', bye: true })
    }, 60_000)

    test.skipIf(!LINUX).each([
      ['start', () => venueEnv()],
      ['demo', () => ({})],
    ] as const)(
      '%s ends its parts and leaves no process',
      async (verb, env) => {
        const dir = temporaryDir()
        const data = verb === 'demo' ? join(dir, 'demo') : dir
        const whole = start(dir, [verb], { env: env() })
        await untilRecords(data, 10)
        const parts = await partsOf(whole)
        while (!isThroughSoFar(data)) await delay(LOOK_MS)
        whole.signal(signal)
        expect(await whole.ended).toMatchObject(IN_ORDER)
        expect(parts.filter(isAlive)).toEqual([])
        expect(lastOf(data)).toMatchObject({ type: 'mark', bye: true })
        expect(isThrough(data)).toBe(true)
      },
      60_000,
    )
  })
})

test.skipIf(!LINUX)(
  'a second signal ends start at once, and its parts notice that it is gone',
  async () => {
    const dir = temporaryDir()
    const whole = start(dir, ['start'], { env: venueEnv() })
    await untilRecords(dir, 10)
    const parts = await partsOf(whole)
    // A part that does not react would hold the end up for nine seconds.
    const stuck = parts[0]!
    process.kill(stuck, 'SIGSTOP')
    try {
      whole.signal('SIGINT')
      await Promise.race([whole.ended, delay(1_000)])
      expect(whole.hasEnded()).toBe(false)
      whole.signal('SIGINT')
      expect(await whole.ended).toMatchObject({ code: 130 })
    } finally {
      process.kill(stuck, 'SIGCONT')
    }
    await expect.poll(() => parts.filter(isAlive), { timeout: 12_000, interval: 50 }).toEqual([])
  },
  60_000,
)

test.skipIf(!LINUX)(
  'a start that is killed leaves no process',
  async () => {
    const dir = temporaryDir()
    const whole = start(dir, ['start'], { env: venueEnv() })
    await untilRecords(dir, 10)
    const parts = await partsOf(whole)
    whole.signal('SIGKILL')
    await whole.ended
    await expect.poll(() => parts.filter(isAlive), { timeout: 12_000, interval: 50 }).toEqual([])
    expect(lastOf(dir)).toMatchObject({ type: 'mark', bye: true })
  },
  60_000,
)

let withBacklog: string | undefined
/** A folder with 40,000 books that nobody has processed. */
async function backlog(): Promise<string> {
  if (withBacklog === undefined) {
    withBacklog = temporaryDir()
    expect((await run(withBacklog, history(10_000))).code).toBe(0)
  }
  return sameLog(withBacklog)
}

async function untilRecords(dir: string, records: number): Promise<void> {
  while (recordsIn(dir) < records) await delay(LOOK_MS)
}

/** 0 while the log is only just being made. */
function recordsIn(dir: string): number {
  try {
    return [...logEnds(dir).values()].reduce((sum, ends) => sum + ends, 0)
  } catch {
    return 0
  }
}

function isThroughSoFar(dir: string): boolean {
  try {
    return isThrough(dir)
  } catch {
    return false
  }
}

/** The processes of its three parts, as soon as there are three. */
async function partsOf(whole: Running): Promise<number[]> {
  const children = `/proc/${whole.pid}/task/${whole.pid}/children`
  for (;;) {
    const pids = existsSync(children) ? readFileSync(children, 'utf8').trim().split(' ').map(Number) : []
    if (pids.length === 3) return pids
    expect(whole.hasEnded()).toBe(false)
    await delay(LOOK_MS)
  }
}

function lastOf(dir: string): unknown {
  const sql = "SELECT id FROM partitions WHERE topic = 'books.coinbase'"
  const [{ id }] = askAll<{ id: number }>(dir, sql, 'log.db') as [{ id: number }]
  const last = `SELECT value FROM records_${id} ORDER BY "offset" DESC LIMIT 1`
  return JSON.parse(askAll<{ value: string }>(dir, last, 'log.db')[0]!.value)
}
