import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Levels } from '../../src/ingest/levels.ts'
import type { FrameAbout, WireEvent } from '../../src/ingest/venue.ts'
import { parseIsoTime } from '../../src/models/time.ts'

export type FixtureAbout = FrameAbout & { readonly symbol: string }

/** By the beginning of a fixture's name: what makes something of it. */
export type Readers = Record<string, (bytes: Uint8Array, about: FixtureAbout) => unknown>

/** When everything was received. */
export const RECEIVED_AT_MS = parseIsoTime('2026-11-20T14:31:11Z')!

/** One test a file: it becomes what is written beside it. Rows of levels stand as texts in the place of their range. */
export function testFixtures(folder: string, readers: Readers): void {
  const names = readdirSync(folder).filter(
    (name) => name.endsWith('.json') && !name.endsWith('.expected.json'),
  )
  test.each(names)('%s', async (name) => {
    const read = Object.entries(readers).find(([start]) => name.startsWith(start))?.[1]
    if (read === undefined) throw new Error(`nothing reads ${name}`)
    const levels = new Levels()
    const answer = read(readFileSync(`${folder}/${name}`), {
      receivedAtMs: RECEIVED_AT_MS,
      levels,
      symbol: 'BTC-USDT',
    })
    const shown = Array.isArray(answer)
      ? answer.map((event) => shownOf(event, levels))
      : shownOf(answer, levels)
    const text = `${JSON.stringify(shown, null, 2)}\n`
    await expect(text).toMatchFileSnapshot(`../../${folder}/${name.replace('.json', '.expected.json')}`)
  })
}

function shownOf(answer: unknown, levels: Levels): unknown {
  if (!isObject(answer)) return answer
  // The JSON parser's own words change with Node's versions.
  const { refusal } = answer as { refusal?: { kind: string } }
  if (refusal?.kind === 'malformed-json') return { ...answer, refusal: { ...refusal, message: '...' } }
  const { from, to, ...rest } = answer as { from?: number; to?: number }
  return from === undefined || to === undefined ? answer : { ...rest, rows: rowsOf(levels, { from, to }) }
}

/** Such as `ask 71235.6 1.2` */
export function rowsOf(
  levels: Levels,
  { from, to }: { readonly from: number; readonly to: number },
): string[] {
  return Array.from({ length: to - from }, (_, i) => {
    const [price, size] = levels.text(from + i)
    return `${levels.isBid[from + i] === 1 ? 'bid' : 'ask'} ${price} ${size}`
  })
}

/** Events that can be held against others: rows stand as texts in the place of their range. */
export function comparable(events: readonly WireEvent[], levels: Levels): unknown[] {
  return events.map((event) => shownOf(event, levels))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
