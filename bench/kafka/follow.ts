/** Reading a topic from its start, whoever does it. */
export type Follow = {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly group: string
  /** Told whenever a partition was worked through up to `position`, and that is kept where it is to be kept. */
  readonly onReached: (partition: number, position: number) => void
}

export type Follower = {
  /** Rejects with what broke it. */
  readonly done: Promise<unknown>
  close(): Promise<void>
}

/** Counts up what partitions have reached. */
export class Reached {
  readonly #positions = new Map<number, number>()
  #records = 0

  get records(): number {
    return this.#records
  }

  note(partition: number, position: number): void {
    this.#records += position - (this.#positions.get(partition) ?? 0)
    this.#positions.set(partition, position)
  }
}

/** Seconds from before the follower is started, joining its group included, until it has worked through so many records. */
export async function secondsToFollow(
  records: number,
  start: (onReached: Follow['onReached']) => Promise<Follower>,
): Promise<number> {
  const reached = new Reached()
  const startedMs = performance.now()
  let starting: Promise<Follower> | undefined
  const seconds = await new Promise<number>((resolve, reject) => {
    starting = start((partition, position) => {
      reached.note(partition, position)
      if (reached.records >= records) resolve((performance.now() - startedMs) / 1_000)
    })
    starting.then(({ done }) => done.catch(reject), reject)
  })
  await (await starting!).close()
  return seconds
}
