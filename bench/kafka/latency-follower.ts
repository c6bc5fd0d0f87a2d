import { followBare } from './bare.ts'
import { type Follow, Reached } from './follow.ts'
import { followOurs } from './ours.ts'

/** The other process of `latency.ts`: follows a topic, and tells when it has reached what. */

export type FollowerTask = Omit<Follow, 'onReached'> & {
  readonly who: 'bare' | 'ours'
  readonly dir: string
  /** On the topic before anything is published: it says when it has reached them. */
  readonly records: number
}

export type ReachedReport = {
  readonly reached: readonly {
    readonly partition: number
    readonly position: number
    readonly atNs: number
  }[]
}

const task = JSON.parse(process.argv[2]!) as FollowerTask
const total = new Reached()
const reached: { partition: number; position: number; atNs: number }[] = []
let waiting: { readonly records: number; tell(): void } | undefined = {
  records: task.records,
  tell: () => process.send!('there'),
}

function onReached(partition: number, position: number): void {
  total.note(partition, position)
  // A clock that all processes of a machine share.
  reached.push({ partition, position, atNs: Number(process.hrtime.bigint()) })
  tellWhenThere()
}

function tellWhenThere(): void {
  if (waiting === undefined || total.records < waiting.records) return
  const { tell } = waiting
  waiting = undefined
  tell()
}

process.on('message', ({ until }: { until: number }) => {
  waiting = { records: until, tell: () => process.send!({ reached } satisfies ReachedReport) }
  tellWhenThere()
})
process.once('disconnect', () => process.exit(0))

const { done } = await (task.who === 'bare' ? followBare : followOurs)({ ...task, onReached })
await done
