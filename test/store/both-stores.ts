import { openPostgresStore } from '../../src/store/postgres-store.ts'
import { write } from '../processors/running/played-log.ts'
import { openRig, type Rig, START_MS } from '../processors/running/rig.ts'
import type { FreshDatabase } from '../services/postgres.ts'

/** One log, processed into both stores. */
export async function inBothStores(
  log: string,
  freshDatabase: FreshDatabase,
): Promise<{ readonly sqlite: Rig; readonly postgres: Rig }> {
  const sqlite = await openRig({ partitions: 2 })
  await write(sqlite.broker, log)
  const store = await openPostgresStore({ url: await freshDatabase(), monotonicMs: () => performance.now() })
  const postgres = await openRig({ broker: sqlite.broker, store })
  await sqlite.run()
  await postgres.run()
  return { sqlite, postgres }
}

/**
 * Twelve minutes of two products and two sources: books every few seconds that move, some of them crossed or locked, marks,
 * a hole, trades, tickers, and 25 rejections.
 */
export function eventfulLog(): string {
  const lines = [
    '14:29:59 #trades  up BTC-USD',
    '14:29:59  up BTC-USD',
    '14:29:59  up ETH-USD',
    'm: 14:29:59 @mock  up BTC-USD',
  ]
  for (let second = 0; second < 720; second += 2) {
    const wave = Math.round(300 * Math.sin(second / 60)) + (second % 7) * 9
    const ask =
      second % 90 === 0 ? 71_230 : second % 110 === 0 ? 71_235.5 + wave / 100 : 71_236.01 + wave / 100
    lines.push(`${clock(second)}  BTC-USD ${(71_235.5 + wave / 100).toFixed(2)} ${ask.toFixed(2)}`)
    lines.push(`${clock(second + 0.5)}  ETH-USD 0.${String(612_345 + wave)} 0.${String(612_999 + wave)}`)
    lines.push(`m: ${clock(second + 1)} @mock  BTC-USD 9007199254740993.25 9007199254742993.5`)
    lines.push(`${clock(second)} #trades  BTC-USD 71235.5`, `${clock(second)} @mock #tickers  ETH-USD 0.61`)
    if (second % 30 === 0) lines.push(`${clock(second + 1)}  reject`, `${clock(second + 1)}  mark`)
  }
  lines.push(
    '14:36:00  hole BTC-USD h1',
    '14:36:45  end BTC-USD h1',
    '14:41:58  bye',
    '14:41:58 #trades  mark',
  )
  return lines.join('\n')
}

function clock(second: number): string {
  return new Date(START_MS + second * 1_000).toISOString().slice(11, 23)
}
