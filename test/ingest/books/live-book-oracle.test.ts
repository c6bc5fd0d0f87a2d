import { test } from 'vitest'
import { expectTrueLines, LINES } from '../book-line.ts'

test.each(LINES)(
  '%s: whatever the line does, no book is published that the venue did not have',
  async (kind) => {
    await expectTrueLines(kind, 400)
  },
)
