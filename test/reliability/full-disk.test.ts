import { beforeAll, describe, expect, test } from 'vitest'
import { type Ending, run, temporaryDir } from './commands.ts'
import { recovered, SMALL_HISTORY, sameLog, type Undisturbed, undisturbedPoints } from './kill-points.ts'
import { injecting, STRACE } from './strace.ts'
import { differences, integrityOf, startProcess, untilThrough } from './tables.ts'

/** A disk that is full, or that fails to sync: said with the way out, exit 1, and nothing acknowledged is lost. */

let whole: Undisturbed
beforeAll(async () => {
  whole = await undisturbedPoints()
})

/** Files may not grow beyond `bytes`; the shell counts in blocks of 512. */
function upTo(bytes: number): string[] {
  return ['sh', '-c', `ulimit -f ${Math.floor(bytes / 512)}; exec "$@"`, 'sh']
}

describe('process', () => {
  test('with files that may not grow ends, says which, and makes the right tables when there is room', async () => {
    const dir = sameLog(whole.dir)
    expectSaid(await processing(dir, upTo(100_000)), /(no room|cannot read or write).*store\.db/)
    await expectRecovered(dir)
  }, 60_000)

  test.skipIf(!STRACE)(
    'on a full disk says that there is no room, wherever it was in its work',
    async () => {
      // Its last third is spent on closing, when all is committed already.
      for (const share of [0.02, 0.2, 0.45]) {
        const dir = sameLog(whole.dir)
        const when = Math.ceil(share * whole.calls)
        const ending = await processing(dir, injecting(dir, `pwrite64:error=ENOSPC:when=${when}+`))
        expectSaid(ending, /no room.*(store|log)\.db[\s\S]*hint: free/i)
        await expectRecovered(dir)
      }
    },
    60_000,
  )

  test.skipIf(!STRACE)(
    'on a disk that cannot sync ends and says so',
    async () => {
      for (const when of [1, 3, 5]) {
        const dir = sameLog(whole.dir)
        const ending = await processing(dir, injecting(dir, `fsync,fdatasync:error=EIO:when=${when}+`))
        expectSaid(ending, /cannot read or write.*store\.db[\s\S]*hint: check the disk/)
        await expectRecovered(dir)
      }
    },
    60_000,
  )
})

describe('generate-mock', () => {
  const faults: [what: string, behind: (dir: string) => string[], says: RegExp][] = [
    ['files that may not grow', () => upTo(1_500_000), /(no room left|the disk refused).*log\.db/],
    [
      'a full disk',
      (dir) => injecting(dir, 'pwrite64:error=ENOSPC:when=120+'),
      /no room left to write.*log\.db[\s\S]*hint: Free space/,
    ],
    [
      'a disk that cannot sync',
      (dir) => injecting(dir, 'fsync,fdatasync:error=EIO:when=10+'),
      /the disk refused.*log\.db[\s\S]*hint: Nothing more is acknowledged/,
    ],
  ]
  test.each(faults)(
    'with %s ends and says so, and goes on where it was when it can',
    async (what, behind, says) => {
      if (!STRACE && what !== 'files that may not grow') return
      const dir = temporaryDir()
      expectSaid(await run(dir, SMALL_HISTORY, { behind: behind(dir) }), says)
      expect((await run(dir, SMALL_HISTORY)).code).toBe(0)
      await expectRecovered(dir)
    },
    60_000,
  )
})

/** Runs `process` until it breaks; where it does not it is told to end, so that the test fails and does not hang. */
async function processing(dir: string, behind: readonly string[]): Promise<Ending> {
  const started = startProcess(dir, [], { behind })
  untilThrough(dir, started).then(
    () => started.signal('SIGTERM'),
    () => undefined, // it has ended by itself
  )
  return started.ended
}

function expectSaid({ code, stderr }: Ending, says: RegExp): void {
  expect(stderr).toMatch(says)
  expect(code).toBe(1)
}

async function expectRecovered(dir: string): Promise<void> {
  expect(differences(await recovered(dir), whole.tables)).toEqual([])
  expect([integrityOf(dir, 'log.db'), integrityOf(dir, 'store.db')]).toEqual(['ok', 'ok'])
}
