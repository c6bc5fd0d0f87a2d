import { type Broker, tpName } from '../../broker/broker.ts'
import type { Partition } from './partition.ts'

type Waiter = { readonly ends: ReadonlyMap<string, number>; readonly resolve: () => void }

/** Those who wait until everything that lay on the log at their moment is committed. */
export class CaughtUp {
  #waiting: Waiter[] = []

  wait(ends: ReadonlyMap<string, number>, resolve: () => void): void {
    this.#waiting.push({ ends, resolve })
  }

  /** To be called after a commit: lets go whoever has waited for no more than it holds. */
  settle(partitions: ReadonlyMap<string, Partition>): void {
    this.#waiting = this.#waiting.filter(({ ends, resolve }) => {
      const there = [...partitions].every(([name, partition]) => partition.hasReached(ends.get(name) ?? 0))
      if (there) resolve()
      return !there
    })
  }
}

/** Where every partition ends now, by `tpName`. */
export async function endsOf(broker: Broker): Promise<ReadonlyMap<string, number>> {
  const infos = await broker.topics()
  return new Map(
    infos.flatMap(({ topic, partitionInfos }) =>
      partitionInfos.map(({ partition, endOffset }) => [tpName({ topic, partition }), endOffset] as const),
    ),
  )
}
