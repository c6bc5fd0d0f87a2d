import { monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * Loaded before a process of ours (`node --import`), so that nothing of measuring is in it: watches its event loop, and tells
 * over the channel to its parent what it saw since it was last asked.
 */
export type LoopReport = {
  /** What a timer of 10 ms took, its own 10 ms included. */
  readonly p99Ms: number
  readonly maxMs: number
}

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

process.on('message', () => {
  process.send?.({ p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 } satisfies LoopReport)
  delay.reset()
})
// To be asked is no reason to live on.
process.channel?.unref()
