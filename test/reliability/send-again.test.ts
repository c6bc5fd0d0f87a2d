import { expect, test } from 'vitest'
import { run, temporaryDir } from './commands.ts'
import { history } from './kills.ts'
import { FIRST_HOUR_MS, goodBody, goodNow, hopeless, publishRefused, RUN } from './refused.ts'
import { BOOKS, effectsIn, expectOneEffectEach, resend } from './resends.ts'
import { askAll, logEnds } from './tables.ts'

/** Input that could not be used is sent again after a fix: with one effect, however often and however it is tried. */

test('sent again by id, by kind, and twice: what is good now counts once, what is not is said', async () => {
  const dir = temporaryDir()
  // Market time is three hours ahead of what is sent again: that is no reason to call it too late.
  expect((await run(dir, history(60))).code).toBe(0)
  const [booksBefore, rejectedBefore] = [logEnds(dir).get(BOOKS)!, logEnds(dir).get('rejections/0')!]
  await publishRefused(dir, [
    ...goodNow(20, 'future-time'),
    ...goodNow(10, 'unknown-product', 20),
    ...hopeless(3),
  ])

  const shown = await run(dir, ['rejections', 'show', `${RUN}-7`])
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining(`\n${goodBody(6)}\n`) })

  const one = [`${RUN}-1`]
  expect(await resend(dir, ...one, '--dry-run')).toMatch(/^1 would be sent again, 0 still rejected/)
  expect(await resend(dir, ...one)).toMatch(/^1 sent again, 0 still rejected/)
  expect(await resend(dir, ...one)).toMatch(/^0 sent again, 0 still rejected/)

  const kind = ['--kind', 'unknown-product']
  const dry = await resend(dir, ...kind, '--dry-run')
  expect(dry).toMatch(/^10 would be sent again, 0 still rejected/)
  expect(logEnds(dir).get(BOOKS)).toBe(booksBefore + 1)
  expect(await resend(dir, ...kind)).toBe(dry.replace('would be sent', 'sent'))
  expect(await resend(dir, ...kind)).toMatch(/^0 sent again/)

  const bad = [31, 32, 33].map((n) => `${RUN}-${n}`)
  expect(await resend(dir, ...bad)).toMatch(/^0 sent again, 3 still rejected/)

  expect(effectsIn(dir, FIRST_HOUR_MS.to)).toEqual({ books: 11, resent: 11, duplicate: 0, tooLate: 0 })
  const digests = askAll<{ count: number }>(dir, 'SELECT count(*) AS count FROM rejection_digests')
  expect(digests[0]!.count).toBe(Math.floor((rejectedBefore + 33) / 10))
  expect((await run(dir, ['verify'])).code).toBe(0)
}, 60_000)

test('killed midway twice, then tried by two at once, then once more: each of 2,000 has one effect', async () => {
  await expectOneEffectEach(2_000, 2)
}, 120_000)

test('sending again without saying what is a usage error', async () => {
  const { code, stderr } = await run(temporaryDir(), ['rejections', 'resend'])
  expect(stderr).toMatch(/expects ids or --kind[\s\S]*hint: try it with --dry-run first/)
  expect(code).toBe(2)
})
