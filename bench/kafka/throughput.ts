import { inFolder } from '../measuring.ts'
import { type BenchRow, holds, interleaved } from '../row.ts'
import { followBare } from './bare.ts'
import { TOPIC } from './books.ts'
import { type Follow, type Follower, secondsToFollow } from './follow.ts'
import { followOurs } from './ours.ts'
import type { Peer } from './peers.ts'
import type { Databases } from './services.ts'

export type ReadingOptions = {
  readonly brokers: readonly string[]
  readonly dir: string
  readonly records: number
  readonly rounds: number
  /** Undefined where there is no PostgreSQL. */
  readonly databases: Databases | undefined
  readonly peers: readonly Peer[]
}

const BARE = 'bare eachBatch + JSON.parse'

/**
 * From the start of the topic to its end, each run with a group of its own and a fresh store: seconds from before the
 * consumer is made until everything is worked through, and committed where there is something to commit. One run of the bare
 * loop goes before, so that the broker is warm for all.
 */
export async function readingRows(options: ReadingOptions): Promise<BenchRow[]> {
  const { records, rounds, peers } = options
  const runs = readingRuns(options)
  await runs.bare()
  const peerRuns = Object.fromEntries(peers.map((peer) => [peer.name, () => peerSeconds(peer, options)]))
  const contenders: Record<string, () => Promise<number>> = { ...runs, ...peerRuns }
  const seconds = await interleaved(contenders, rounds)
  const rate = (name: string) => records / seconds[name]!
  const row = (name: string, ours: string, other: string, label: string, bound: string | null): BenchRow => {
    const ratio = rate(ours) / rate(other)
    const reference = `${label}: ${Math.round(rate(other))} records/s`
    const value = Math.round(rate(ours))
    return {
      name,
      value,
      unit: 'records/s',
      reference,
      ratio,
      bound,
      holds: bound === null ? null : holds(ratio, bound),
    }
  }
  return [
    row('process from Kafka into SQLite', 'sqlite', 'bare', BARE, '>= 0.9'),
    ...('postgres' in runs
      ? [row('process from Kafka into PostgreSQL', 'postgres', 'bare', BARE, '>= 0.5')]
      : []),
    ...peers.map(({ name }) =>
      row(`process from Kafka into SQLite, beside ${name}`, 'sqlite', name, 'theirs', null),
    ),
  ]
}

type Runs = {
  bare(): Promise<number>
  sqlite(): Promise<number>
  postgres?(): Promise<number>
}

let groups = 0

function readingRuns({ brokers, dir, records, databases }: ReadingOptions): Runs {
  const timed = (start: (follow: Follow) => Promise<Follower>) =>
    secondsToFollow(records, (onReached) =>
      start({ brokers, topic: TOPIC, group: `reading-${++groups}`, onReached }),
    )
  const ours = (databaseUrl?: string) =>
    inFolder(dir, (own) => timed((follow) => followOurs({ ...follow, dir: own, databaseUrl })))
  return {
    bare: () => timed(followBare),
    sqlite: () => ours(),
    ...(databases === undefined ? {} : { postgres: () => databases.fresh(ours) }),
  }
}

function peerSeconds(peer: Peer, { brokers, dir, records }: ReadingOptions): Promise<number> {
  return inFolder(dir, (own) =>
    peer.seconds({ brokers, topic: TOPIC, group: `peer-${++groups}`, records, dir: own }),
  )
}
