import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import { run, start, temporaryDir } from './commands.ts'
import { goodNow, publishRefused } from './refused.ts'
import { askAll, logEnds } from './tables.ts'

/** What sending again has done to a folder that holds refused books of one hour and nothing else of it. */

export const BOOKS = 'books.coinbase/0'
const LOOK_MS = 2

export type Effects = {
  readonly books: number
  readonly resent: number
  readonly duplicate: number
  readonly tooLate: number
}

/** Books counted in windows up to `untilMs`, rejections marked as sent again, and what the reader of the books dropped. */
export function effectsIn(dir: string, untilMs = Number.MAX_SAFE_INTEGER): Effects {
  const [effects] = askAll<Effects>(
    dir,
    `SELECT
       (SELECT coalesce(sum(books), 0) FROM best_prices WHERE start_ms < ${untilMs}) AS books,
       (SELECT count(*) FROM rejections WHERE resent_at_ms IS NOT NULL) AS resent,
       (SELECT duplicate FROM positions WHERE processor = 'best-prices' AND topic = 'books.coinbase') AS duplicate,
       (SELECT too_late FROM positions WHERE processor = 'best-prices' AND topic = 'books.coinbase') AS tooLate`,
  )
  return effects!
}

/** Runs `rejections resend` and answers what it said. */
export async function resend(dir: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(dir, ['rejections', 'resend', ...args])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** Sends `count` again, killed in the middle `kills` times, then by two at once, then once more. */
export async function expectOneEffectEach(count: number, kills: number): Promise<void> {
  const dir = temporaryDir()
  await publishRefused(dir, goodNow(count))
  const all = ['--kind', 'wrong-shape']
  const dry = await resend(dir, ...all, '--dry-run')
  expect(dry).toMatch(new RegExp(`^${count} would be sent again, 0 still rejected, 0 not kept whole`))

  for (let kill = 1; kill <= kills; kill++) {
    const before = logEnds(dir).get(BOOKS)!
    const sending = start(dir, ['rejections', 'resend', ...all])
    while (logEnds(dir).get(BOOKS) === before && !sending.hasEnded()) await delay(LOOK_MS)
    sending.signal('SIGKILL')
    await sending.ended
    // The first kill comes in the middle of the work, or it would not be tried.
    if (kill === 1) expect(logEnds(dir).get(BOOKS)).toBeLessThan(count)
  }
  await Promise.all([resend(dir, ...all), resend(dir, ...all)])
  expect(await resend(dir, ...all)).toBe('0 sent again, 0 still rejected, 0 not kept whole\n')

  const { duplicate } = effectsIn(dir)
  expect(effectsIn(dir)).toEqual({ books: count, resent: count, duplicate, tooLate: 0 })
  expect(logEnds(dir).get(BOOKS)).toBe(count + duplicate)
  expect((await run(dir, ['verify'])).code).toBe(0)
}
