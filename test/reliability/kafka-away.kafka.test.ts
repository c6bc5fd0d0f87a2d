import { expect, test } from 'vitest'
import { openOutpost } from './away.ts'
import { withClusters } from './cluster.ts'

const MEMORY_BYTES_MAX = 64 * 1024 * 1024

/** What is polled in a second and a half. */
const SOME = 12

withClusters('while Kafka cannot be reached', (clusters) => {
  test('for a second, for longer, half-open, slow or torn, books wait on the ingestor’s own disk: none is lost, none counts twice, each product keeps its order', async () => {
    const outpost = await openOutpost(clusters, { seed: 5 })
    const { proxy } = outpost
    await outpost.worker.ready
    await outpost.untilServed(4 * SOME)
    await outpost.untilCaughtUp()

    const rows: [string, () => Promise<void>][] = [
      ['down for a second', () => proxy.refuse()],
      ['down for longer', () => proxy.refuse()],
      ['half-open', () => proxy.halfOpen()],
      ['50 ms ± 50 ms late', () => proxy.blow({ latencyMs: 50, jitterMs: 50 })],
      ['1 % of everything reset', () => proxy.blow({ resetPercent: 1 })],
    ]
    for (const [what, spoil] of rows) {
      await spoil()
      await outpost.untilServed(what === 'down for a second' ? SOME : 6 * SOME)
      await proxy.pass()
      const ms = await outpost.untilCaughtUp()
      process.stderr.write(`  ${what}: all in the tables ${Math.round(ms)} ms after it was over\n`)
    }
    expect(outpost.grownBytes()).toBeLessThan(MEMORY_BYTES_MAX)
    await outpost.expectNothingLost()
  }, 180_000)

  test('at the start, the ingestor takes books all the same, the processor says that it waits, and both go on by themselves', async () => {
    const outpost = await openOutpost(clusters, { seed: 6, before: (proxy) => proxy.refuse() })
    await outpost.worker.said('processing waits and begins anew')
    await outpost.untilServed(4 * SOME)
    expect([outpost.worker.hasEnded(), outpost.ingestor.hasEnded()]).toEqual([false, false])
    await outpost.proxy.pass()
    await outpost.worker.ready
    await outpost.untilCaughtUp()
    await outpost.expectNothingLost()
  }, 120_000)
})
