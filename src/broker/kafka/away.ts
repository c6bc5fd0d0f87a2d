import type { Logger } from 'pino'

/** Whether Kafka can be reached by one part of this process: said when it goes and when it is back, not at every try. */
export type KafkaAway = {
  away(error: Error): void
  back(): void
}

export function openKafkaAway(
  part: 'reading' | 'writing',
  monotonicMs: () => number,
  log: Logger | undefined,
): KafkaAway {
  let sinceMs: number | undefined
  return {
    away(error) {
      if (sinceMs !== undefined) return
      sinceMs = monotonicMs()
      log?.warn({ part, err: error }, `Kafka is away for ${part}: ${error.message}`)
    },
    back() {
      if (sinceMs === undefined) return
      const awayMs = Math.round(monotonicMs() - sinceMs)
      sinceMs = undefined
      log?.info({ part, awayMs }, `Kafka is back for ${part} after ${(awayMs / 1_000).toFixed(1)} s`)
    },
  }
}
