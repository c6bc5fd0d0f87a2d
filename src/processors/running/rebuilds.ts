import { type Broker, tpName } from '../../broker/broker.ts'
import { kindOf } from '../../models/topics.ts'
import type { Store } from '../../store/store.ts'
import type { AnyProcessor } from '../processor.ts'
import { KIND_OF_RECORD, type Partition, type Single } from './partition.ts'
import type { Reader } from './reader.ts'

type Options = {
  readonly broker: Broker
  readonly store: Store
  readonly processors: readonly AnyProcessor[]
  readonly log: { info(about: object, text: string): void; error(about: object, text: string): void }
}

type Rebuild = {
  readonly processor: AnyProcessor
  readonly shadow: AnyProcessor
  readonly starts: ReadonlyMap<string, number>
}

/**
 * Rebuilding while live: a copy of the processor fills a shadow table from the log's start, read beside the live stream;
 * where it has come up to the others, partition by partition, its rows take the place of the old ones.
 */
export class Rebuilds {
  readonly #options: Options
  readonly #running = new Map<string, Rebuild>()

  constructor(options: Options) {
    this.#options = options
  }

  /** Begins what was asked for and is not running yet. Answers whether there is something to catch up. */
  async begin(partitions: ReadonlyMap<string, Partition>): Promise<boolean> {
    const { store, processors, log } = this.#options
    const wanted = (await store.requests.rebuilds()).filter((name) => !this.#running.has(name))
    for (const name of wanted) {
      const processor = processors.find((known) => known.name === name)
      if (processor === undefined) {
        log.error({ processor: name }, `there is no processor ${name} to rebuild`)
        await store.requests.rebuilt(name)
      } else await this.#start(processor, partitions)
    }
    return wanted.length > 0
  }

  async #start(processor: AnyProcessor, partitions: ReadonlyMap<string, Partition>): Promise<void> {
    const { store, log } = this.#options
    const { name } = processor
    const starts = await this.#logStarts(processor)
    if (isNumbering(processor) && (await this.#hasLostBeginning(processor, starts, partitions))) {
      log.error({ processor: name }, `${name} cannot be rebuilt: the first of what it numbers left the log`)
      return store.requests.rebuilt(name)
    }
    const shadow = { ...processor, table: { ...processor.table, name: `${processor.table.name}_shadow` } }
    await store.freshTable(shadow.table)
    this.#running.set(name, { processor, shadow, starts })
    for (const [partition, start] of starts) partitions.get(partition)?.rebuild(name, shadow, start)
    log.info({ processor: name }, `rebuilding ${name} from the log's start`)
  }

  /** Whether the log lacks some of what the processor's rows were made from. */
  async #hasLostBeginning(
    { table }: AnyProcessor,
    starts: ReadonlyMap<string, number>,
    partitions: ReadonlyMap<string, Partition>,
  ): Promise<boolean> {
    for (const [name, start] of starts) {
      const id = partitions.get(name)?.id
      if (start > 0) return true
      if (id !== undefined && (await this.#options.store.countForRebuild(table, id, start)).kept > 0)
        return true
    }
    return false
  }

  /** Where the partitions that a processor reads begin now, by `tpName`. */
  async #logStarts(processor: AnyProcessor): Promise<ReadonlyMap<string, number>> {
    const kind = KIND_OF_RECORD[processor.reads]
    const read = (await this.#options.broker.topics()).filter(({ topic }) => kindOf(topic) === kind)
    return new Map(
      read.flatMap(({ topic, partitionInfos }) =>
        partitionInfos.map(
          ({ partition, startOffset }) => [tpName({ topic, partition }), startOffset] as const,
        ),
      ),
    )
  }

  /** A rebuild's reader has come up to the others in one partition, and everything is committed: the rows change places. */
  async arrived(
    partition: Partition,
    single: Single,
    partitions: ReadonlyMap<string, Partition>,
  ): Promise<void> {
    const { store } = this.#options
    const rebuild = this.#running.get(single.rebuilds!)!
    const start = rebuild.starts.get(tpName(partition.tp)) ?? 0
    await store.swapShadow(rebuild.processor.table, rebuild.shadow.table, partition.id, start)
    partition.end(single)
    partition.join(rebuild.processor, single.reader)
    const left = [...partitions.values()].some(({ singles }) =>
      singles.some(({ rebuilds }) => rebuilds === single.rebuilds),
    )
    if (!left) await this.#finish(rebuild, 'is rebuilt')
  }

  /** The processor being rebuilt threw: the rebuild is given up, the old rows stay. Answers whether it was a rebuild. */
  async failed(
    reader: Reader,
    processor: AnyProcessor,
    error: unknown,
    partitions: ReadonlyMap<string, Partition>,
  ): Promise<boolean> {
    const rebuild = [...this.#running.values()].find(({ shadow }) => shadow === processor)
    if (rebuild === undefined) return false
    for (const partition of partitions.values()) {
      for (const single of [...partition.singles])
        if (single.rebuilds === processor.name) partition.end(single)
    }
    this.#options.log.error(
      { processor: processor.name, err: error },
      `${processor.name} threw while it was rebuilt`,
    )
    await this.#finish(rebuild, `could not be rebuilt: it threw before offset ${reader.state.position}`)
    return true
  }

  async #finish({ processor, shadow }: Rebuild, outcome: string): Promise<void> {
    const { store, log } = this.#options
    await store.dropTable(shadow.table)
    await store.requests.rebuilt(processor.name)
    this.#running.delete(processor.name)
    log.info({ processor: processor.name }, `${processor.name} ${outcome}`)
  }
}

/** Whether a processor's keys are ordinals of its own: counted from another beginning they would be other rows. */
function isNumbering({ per }: AnyProcessor): boolean {
  return per.kind === 'key' && per.counts !== undefined
}
