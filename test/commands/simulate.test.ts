import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Context } from '../../src/commands/context.ts'
import { parseSimulateOptions, simulate } from '../../src/commands/simulate.ts'

describe('the options of simulate', () => {
  test('have defaults, and are what they say', () => {
    expect(parseSimulateOptions({})).toEqual({
      port: 7_300,
      seed: 1,
      products: undefined,
      rate: 10,
      forMs: undefined,
      faults: [],
    })
    const typed = { port: '0', seed: '5', products: '2000', rate: '1', for: '30s' }
    expect(parseSimulateOptions(typed)).toMatchObject({
      port: 0,
      seed: 5,
      products: 2_000,
      rate: 1,
      forMs: 30_000,
    })
  })

  test('are refused all at once, each with what was expected', () => {
    const raw = { port: '70000', seed: '-1', products: '0', rate: '1000', for: 'soon' }
    expect(() => parseSimulateOptions(raw)).toThrow(
      /--port got "70000"[\s\S]*--seed[\s\S]*--products[\s\S]*--rate[\s\S]*--for/,
    )
  })

  test('a script of faults is read from its file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidebook-simulate-'))
    try {
      const path = join(folder, 'faults.json')
      writeFileSync(path, '[{"atMs":10,"venue":"okx","fault":"cut"}]')
      expect(parseSimulateOptions({ faults: path }).faults).toEqual([
        { atMs: 10, venue: 'okx', fault: 'cut' },
      ])
      writeFileSync(path, '[{"atMs":10,"venue":"okx"}]')
      expect(() => parseSimulateOptions({ faults: path })).toThrow(/fault/)
      expect(() => parseSimulateOptions({ faults: join(folder, 'none.json') })).toThrow(/cannot be read/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('simulate', () => {
  test('says where it is and how to point Tidebook at it, and ends in order when it is stopped', async () => {
    const stop = new AbortController()
    const said: string[] = []
    let answered: Promise<number> | undefined
    const code = await simulate(
      contextOf(stop.signal, (text) => {
        said.push(text)
        const url = /SIMULATOR_URL=(\S+)/.exec(text)![1]!
        answered = fetch(`${url}/okx/public/api/v5/public/time`).then(({ status }) => {
          stop.abort()
          return status
        })
      }),
      parseSimulateOptions({ port: '0' }),
    )
    expect([code, await answered]).toEqual([0, 200])
    expect(said.join('')).toMatch(
      /^Five simulated venues at http:\/\/127\.0\.0\.1:\d+\n {2}coinbase {2}BTC-USD, /,
    )
  })

  test('ends by itself when its time is over', async () => {
    const stop = new AbortController()
    const options = parseSimulateOptions({ port: '0', for: '1ms' })
    expect(
      await simulate(
        contextOf(stop.signal, () => {}),
        options,
      ),
    ).toBe(0)
  })
})

/** Only what the command uses. */
function contextOf(stop: AbortSignal, out: (text: string) => void): Context {
  const clocks = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
  return { ...clocks, random: () => 0.5, stop, out, config: {}, log: {} } as unknown as Context
}
