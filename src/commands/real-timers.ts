import type { Timers } from '../models/timers.ts'
import type { Context } from './context.ts'

/** The clocks of this machine. */
export function realTimers({ nowMs, monotonicMs }: Pick<Context, 'nowMs' | 'monotonicMs'>): Timers {
  return {
    nowMs,
    monotonicMs,
    after(ms, call) {
      const timer = setTimeout(call, ms)
      return () => clearTimeout(timer)
    },
  }
}
