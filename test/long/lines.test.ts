import { test } from 'vitest'
import { expectTrueLines, LINES } from '../ingest/book-line.ts'
import { LONG } from './long.ts'

/** Some 35 frames each: a million in all. */
const RUNS = 10_000

test.runIf(LONG).each(LINES)(
  '%s: a million frames that are dropped, repeated, reordered, rewound and merged make no wrong book',
  async (kind) => expectTrueLines(kind, RUNS),
  1_800_000,
)
