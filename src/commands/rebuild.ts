import { setTimeout as delay } from 'node:timers/promises'
import type { Broker, TopicInfo } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { EngineError } from '../models/engine-error.ts'
import { pipeline } from '../pipeline.ts'
import type { Processor } from '../processors/processor.ts'
import { readsTopic } from '../processors/running/partition.ts'
import { openStore } from '../store/open-store.ts'
import { idOf, type Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { startEngine } from './engine.ts'
import { takeFreePlace } from './place.ts'

const LOOK_MS = 100
/** How often the wait is spoken of. */
const SAY_MS = 5_000

/**
 * Makes a processor's table again from the log. Where a processor process runs, it does the work while everything goes
 * on; otherwise this process does. Rows that began before what the log still holds stay as they are.
 */
export async function rebuild(
  context: Context,
  options: { name: string; dryRun?: boolean },
): Promise<number> {
  const chosen = choose(options.name, pipeline(context.config))
  if (options.dryRun === true) return dryRun(context, chosen)
  const place = await takeFreePlace(context, 'rebuild')
  // Asked for before anything runs: other settings, accepted without the rebuild, would mix two meanings after a crash.
  const store = await openStore(context.config, context.monotonicMs)
  await ask(context, store, chosen)
  if (!('release' in place)) {
    await untilRebuilt(context, store, chosen)
    await store.close()
    return 0
  }
  await store.close()
  const engine = await startEngine(context, { acceptSettings: options.name === 'all' })
  await Promise.race([untilRebuilt(context, engine.store, chosen), engine.runner.done])
  await engine.close()
  place.release()
  return 0
}

async function ask(context: Context, store: Store, chosen: readonly Processor[]): Promise<void> {
  const broker = await openBroker(context.config, context)
  for (const processor of chosen) {
    const infos = await topicsOf(processor, broker)
    const partitions = infos.flatMap(({ topic, partitionInfos }) =>
      partitionInfos.map(({ partition }) => idOf(topic, partition)),
    )
    await store.requests.askRebuild(processor.name, partitions)
  }
  await broker.close()
}

async function topicsOf(processor: Processor, broker: Broker): Promise<TopicInfo[]> {
  return (await broker.topics()).filter(({ topic }) => readsTopic(processor, topic))
}

function choose(name: string, processors: readonly Processor[]): readonly Processor[] {
  const chosen = processors.filter((processor) => name === 'all' || processor.name === name)
  if (chosen.length === 0) {
    throw new EngineError('usage', `there is no processor "${name}"`, {
      hint: `all, or one of ${processors.map((processor) => processor.name).join(', ')}`,
    })
  }
  return chosen
}

async function untilRebuilt(context: Context, store: Store, chosen: readonly Processor[]): Promise<void> {
  const names = chosen.map(({ name }) => name)
  let saidAtMs = context.monotonicMs()
  while (!context.stop.aborted) {
    const asked = (await store.requests.rebuilds()).map(({ processor }) => processor)
    const left = names.filter((name) => asked.includes(name))
    if (left.length === 0) return context.out(`rebuilt: ${names.join(', ')}\n`)
    if (context.monotonicMs() - saidAtMs >= SAY_MS) {
      saidAtMs = context.monotonicMs()
      context.log.info({ left }, `still rebuilding ${left.join(', ')}`)
    }
    await delay(LOOK_MS)
  }
}

async function dryRun(context: Context, chosen: readonly Processor[]): Promise<number> {
  const broker = await openBroker(context.config, context)
  const store = await openStore(context.config, context.monotonicMs)
  await store.ensureTables(chosen.map(({ table }) => table))
  for (const processor of chosen) {
    for (const line of await whatWouldBe(processor, broker, store)) context.out(`${line}\n`)
  }
  await store.close()
  await broker.close()
  return 0
}

/** `best-prices, books.coinbase/0: the log begins at offset 0: 28 rows would be made again, 0 kept` */
async function whatWouldBe(processor: Processor, broker: Broker, store: Store): Promise<string[]> {
  const infos = await topicsOf(processor, broker)
  const lines: string[] = []
  for (const { topic, partitionInfos } of infos) {
    for (const { partition, startOffset, endOffset } of partitionInfos) {
      // Of most venues a topic is there and nothing else.
      if (endOffset === 0) continue
      const { kept, replaced } = await store.countForRebuild(
        processor.table,
        idOf(topic, partition),
        startOffset,
      )
      const place = `${processor.name}, ${topic}/${partition}`
      lines.push(
        `${place}: the log begins at offset ${startOffset}: ${replaced} rows would be made again, ${kept} kept`,
      )
    }
  }
  return lines
}
