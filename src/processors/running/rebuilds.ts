import type { Broker } from '../../broker/broker.ts'
import { type RebuildRequest, type Store, shadowOf } from '../../store/store.ts'
import type { AnyProcessor } from '../processor.ts'
import type { Partition, Single } from './partition.ts'
import type { Reader } from './reader.ts'

type Options = {
  readonly broker: Broker
  readonly store: Store
  readonly processors: readonly AnyProcessor[]
  readonly log: { info(about: object, text: string): void; error(about: object, text: string): void }
}

type Rebuild = {
  readonly request: RebuildRequest
  readonly partition: Partition
  readonly processor: AnyProcessor
  readonly shadow: AnyProcessor
  readonly logStart: number
}

/**
 * Rebuilding while live: a copy of the processor fills a shadow table from the log's start, read beside the live stream;
 * where it has come up to the others its rows take the place of the old ones. Each partition is rebuilt by itself, by
 * whoever owns it: one that goes elsewhere begins anew there, since its request is still kept.
 */
export class Rebuilds {
  readonly #options: Options
  #running: Rebuild[] = []

  constructor(options: Options) {
    this.#options = options
  }

  /** Begins what was asked for of `partitions` and is not running yet. Answers whether there is something to catch up. */
  async begin(partitions: ReadonlyMap<string, Partition>): Promise<boolean> {
    const asked = await this.#options.store.requests.rebuilds()
    let begun = false
    for (const request of asked) {
      const partition = [...partitions.values()].find(({ id }) => id === request.partition)
      const isRunning = this.#running.some(({ request: { processor, partition: of } }) => {
        return processor === request.processor && of === request.partition
      })
      if (partition === undefined || isRunning) continue
      begun = (await this.#begin(request, partition)) || begun
    }
    return begun
  }

  async #begin(request: RebuildRequest, partition: Partition): Promise<boolean> {
    const { store, processors, log } = this.#options
    const name = request.processor
    const about = { processor: name, partition: partition.name }
    const processor = processors.find((known) => known.name === name)
    if (processor === undefined) {
      log.error(about, `there is no processor ${name} to rebuild`)
      await store.requests.rebuilt(request)
      return false
    }
    const logStart = await this.#logStart(partition)
    if (isNumbering(processor) && (await this.#hasLostBeginning(processor, partition, logStart))) {
      log.error(about, `${name} cannot be rebuilt: the first of what it numbers left the log`)
      await store.requests.rebuilt(request)
      return false
    }
    const shadow = { ...processor, table: shadowOf(processor.table, partition) }
    await store.freshTable(shadow.table)
    this.#running.push({ request, partition, processor, shadow, logStart })
    partition.rebuild(name, shadow, logStart)
    log.info(about, `rebuilding ${name} from the start of ${partition.name}`)
    return true
  }

  /** Whether the log lacks some of what the processor's rows were made from. */
  async #hasLostBeginning({ table }: AnyProcessor, { id }: Partition, logStart: number): Promise<boolean> {
    return logStart > 0 || (await this.#options.store.countForRebuild(table, id, logStart)).kept > 0
  }

  async #logStart({ tp }: Partition): Promise<number> {
    const info = (await this.#options.broker.topics()).find(({ topic }) => topic === tp.topic)
    return info?.partitionInfos.find(({ partition }) => partition === tp.partition)?.startOffset ?? 0
  }

  /**
   * A rebuild's reader has come up to the others, and everything is committed: the rows change places. Answers false where
   * the partition is no longer ours.
   */
  async arrived(partition: Partition, single: Single): Promise<boolean> {
    const rebuild = this.#running.find(
      ({ partition: of, processor }) => of === partition && processor.name === single.rebuilds,
    )!
    const { processor, shadow, logStart } = rebuild
    const swapped = await this.#options.store.swapShadow(processor.table, shadow.table, partition, logStart)
    if (!swapped) return false
    partition.end(single)
    partition.join(processor, single.reader)
    await this.#finish(rebuild, 'is rebuilt')
    return true
  }

  /** The processor being rebuilt threw: its rebuild is given up, the old rows stay. Answers whether it was a rebuild. */
  async failed(reader: Reader, processor: AnyProcessor, error: unknown): Promise<boolean> {
    const rebuild = this.#running.find(({ shadow }) => shadow === processor)
    if (rebuild === undefined) return false
    const { partition } = rebuild
    partition.end(partition.singles.find((single) => single.reader === reader)!)
    this.#options.log.error(
      { processor: processor.name, partition: partition.name, err: error },
      `${processor.name} threw while it was rebuilt`,
    )
    await this.#finish(rebuild, `could not be rebuilt: it threw before offset ${reader.state.position}`)
    return true
  }

  /** The partition went elsewhere; what was begun of it is dropped with the next claim. */
  lost(partition: Partition): void {
    this.#running = this.#running.filter((rebuild) => rebuild.partition !== partition)
  }

  async #finish(rebuild: Rebuild, outcome: string): Promise<void> {
    const { store, log } = this.#options
    const { processor, shadow, request, partition } = rebuild
    this.#running = this.#running.filter((other) => other !== rebuild)
    await store.dropTable(shadow.table)
    await store.requests.rebuilt(request)
    log.info(
      { processor: processor.name, partition: partition.name },
      `${processor.name} ${outcome} on ${partition.name}`,
    )
  }
}

/** Whether a processor's keys are ordinals of its own: counted from another beginning they would be other rows. */
function isNumbering({ per }: AnyProcessor): boolean {
  return per.kind === 'key' && per.counts !== undefined
}
