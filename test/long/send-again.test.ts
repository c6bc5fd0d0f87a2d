import { describe, test } from 'vitest'
import { expectOneEffectEach } from '../reliability/resends.ts'
import { LONG } from './long.ts'

describe.skipIf(!LONG)('sending again', () => {
  test('killed midway ten times, then tried by two at once, then once more: each of 10,000 has one effect', async () => {
    await expectOneEffectEach(10_000, 10)
  }, 600_000)
})
