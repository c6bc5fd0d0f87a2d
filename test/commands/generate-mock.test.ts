import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { openSqliteBroker, type SqliteBroker } from '../../src/broker/sqlite-broker.ts'
import { parseGenerateMockOptions } from '../../src/commands/generate-mock.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { everythingIn } from '../simulator/made-logs.ts'

const CONFIG = { venues: [{ venue: 'coinbase', patterns: ['BTC-USD', 'ETH-USD', '*-EUR'] }] } as const

describe('the options', () => {
  test('without any: the products of the settings, half an hour of the past, then live', () => {
    expect(parseGenerateMockOptions({}, CONFIG)).toEqual({
      market: {
        products: ['BTC-USD', 'ETH-USD'],
        intervalMs: 5_000,
        levels: 50,
        seed: 1,
        faultShare: 0,
        crossedShare: 0,
      },
      wish: { historyMs: 1_800_000, exit: false },
    })
  })

  test('all of them', () => {
    const raw = {
      products: 'SOL-USD, BTC-USD,SOL-USD',
      history: '2h',
      until: '2026-11-20T14:35:00Z',
      interval: '500ms',
      levels: '5',
      seed: '42',
      faults: '.05',
      crossed: '1',
      count: '7',
      exit: true,
    }
    expect(parseGenerateMockOptions(raw, CONFIG)).toEqual({
      market: {
        products: ['BTC-USD', 'SOL-USD'],
        intervalMs: 500,
        levels: 5,
        seed: 42,
        faultShare: 0.05,
        crossedShare: 1,
      },
      wish: { historyMs: 7_200_000, untilMs: Date.UTC(2026, 10, 20, 14, 35), count: 7, exit: true },
    })
  })

  test('a count alone asks for the last so many ticks', () => {
    const { wish } = parseGenerateMockOptions({ count: '25000', interval: '1s' }, CONFIG)
    expect(wish).toEqual({ historyMs: 25_000_000, count: 25_000, exit: false })
  })

  test.each([
    ['products', 'btc-usd', 'products separated by commas'],
    ['products', '', 'products separated by commas'],
    ['history', '400d', 'a duration from 0s to 366d'],
    ['history', 'long', 'a duration from 0s to 366d'],
    ['until', 'yesterday', 'an ISO time in UTC'],
    ['until', '1999-01-01T00:00:00Z', 'an ISO time in UTC'],
    ['interval', '1ms', 'a duration from 10ms to 1h'],
    ['interval', '2h', 'a duration from 10ms to 1h'],
    ['levels', '0', 'a whole number from 1 to 5,000'],
    ['levels', '5.5', 'a whole number from 1 to 5,000'],
    ['seed', '-1', 'a whole number'],
    ['faults', '1.1', 'a share from 0 to 1'],
    ['faults', '5%', 'a share from 0 to 1'],
    ['crossed', '', 'a share from 0 to 1'],
    ['count', '0', 'a whole number from 1'],
  ])('--%s "%s" is refused', (name, value, expected) => {
    expect(() => parseGenerateMockOptions({ [name]: value }, CONFIG)).toThrow(
      `--${name} got "${value}", expected ${expected}`,
    )
  })

  test('all bad options are said at once', () => {
    const parse = () => parseGenerateMockOptions({ seed: 'x', levels: 'y', until: 'z' }, CONFIG)
    expect(parse).toThrow(EngineError)
    expect(parse).toThrow(/--levels got "y"[\s\S]*--seed got "x"[\s\S]*--until got "z"/)
  })
})

describe('the command', () => {
  const folders: string[] = []
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  })

  const HISTORY = ['--until', '2026-11-20T12:00:00Z', '--count', '3000', '--levels', '5', '--faults', '0.05']
  const RECORDS = 4 * 3_000

  test('killed at any moments and started again makes the log of a run never killed', async () => {
    const [whole, torn] = [folder(), folder()]
    await exitOf(generateMock(whole, HISTORY))
    for (const share of [0, 0.1, 0.35, 0.4, 0.8]) await killAt(torn, HISTORY, share * RECORDS)
    expect(await exitOf(generateMock(torn, HISTORY))).toBe(0)
    const expected = await contentsOf(whole)
    expect(expected['books.coinbase/0']!.length + expected['rejections/0']!.length).toBeGreaterThan(RECORDS)
    expect(await contentsOf(torn)).toEqual(expected)
  }, 60_000)

  test('live ends with Ctrl-C, exit 0 and a goodbye', async () => {
    const dir = folder()
    const child = generateMock(dir, ['--history', '1m', '--interval', '100ms'])
    await untilRecords(dir, child, 4 * 600 + 50)
    child.kill('SIGINT')
    expect(await exitOf(child)).toBe(0)
    const last = (await contentsOf(dir))['books.coinbase/0']!.at(-1)
    expect(JSON.parse(last!.value!)).toMatchObject({ type: 'mark', bye: true })
  }, 60_000)

  test('waits while another makes a market on the same log, and takes over when that is killed', async () => {
    const dir = folder()
    const first = generateMock(dir, ['--history', '1m', '--interval', '100ms'])
    await untilRecords(dir, first, 10)
    const second = generateMock(dir, ['--history', '1m', '--exit'])
    first.kill('SIGKILL')
    expect(await exitOf(second)).toBe(0)
  }, 60_000)

  test('a bad option is a usage error, exit 2', async () => {
    expect(await exitOf(generateMock(folder(), ['--faults', 'many']))).toBe(2)
  }, 60_000)

  function folder(): string {
    const path = mkdtempSync(join(tmpdir(), 'tidebook-mock-'))
    folders.push(path)
    return path
  }
})

const PRODUCTS = 'BTC-USD,ETH-USD,SOL-USD,XRP-USD'

function generateMock(dir: string, options: readonly string[]): ChildProcess {
  const args = ['dist/src/commands/tidebook.js', 'generate-mock', '--products', PRODUCTS, ...options]
  const env = { PATH: process.env['PATH'], DATA_DIR: dir, LOG_LEVEL: 'error' }
  return spawn(process.execPath, args, { env, stdio: 'ignore' })
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

/** SIGKILL as soon as so many records lie on the log, or at once; whatever it was doing then. */
async function killAt(dir: string, options: readonly string[], records: number): Promise<void> {
  const child = generateMock(dir, options)
  await untilRecords(dir, child, records)
  child.kill('SIGKILL')
  await exitOf(child)
}

async function untilRecords(dir: string, child: ChildProcess, records: number): Promise<void> {
  const broker = await openLog(dir)
  try {
    while (child.exitCode === null && (await countOf(broker)) < records) await setTimeout(2)
  } finally {
    await broker.close()
  }
}

async function countOf(broker: SqliteBroker): Promise<number> {
  const partitions = (await broker.topics()).flatMap(({ partitionInfos }) => partitionInfos)
  return partitions.reduce((sum, { endOffset }) => sum + endOffset, 0)
}

async function contentsOf(dir: string) {
  const broker = await openLog(dir)
  try {
    return await everythingIn(broker)
  } finally {
    await broker.close()
  }
}

function openLog(dir: string): Promise<SqliteBroker> {
  return openSqliteBroker({ dir, nowMs: () => Date.now(), random: () => Math.random() })
}
