import { setImmediate as nextTick } from 'node:timers/promises'
import { EngineError } from '../../models/engine-error.ts'
import { type ConsumeOptions, type Consumer, type TopicPartition, tpName } from '../broker.ts'
import type { Bell } from './bell.ts'
import type { Catalog } from './catalog.ts'
import { untilFree } from './errors.ts'
import type { LogFile } from './log-file.ts'
import type { Partition } from './partition.ts'

const BATCH_RECORDS_MAX = 1_000

type Place = { readonly partition: Partition; offset: number; paused: boolean }

/**
 * One reader of all partitions of its topics: there is nobody to share them with. It goes round them, one batch each, so
 * that none starves another, and sleeps until the bell when a whole round found nothing.
 */
export async function startConsumer(
  file: LogFile,
  catalog: Catalog,
  bell: Bell,
  options: ConsumeOptions,
): Promise<Consumer> {
  const partitions = options.topics.flatMap((topic) => catalog.partitionsOf(topic))
  const tps = partitions.map(({ tp }) => tp)
  const recordsMax = options.batchRecordsMax ?? BATCH_RECORDS_MAX
  const offsets = await options.onAssigned(tps)
  const places = new Map<string, Place>()
  for (const partition of partitions) {
    const name = tpName(partition.tp)
    places.set(name, { partition, offset: offsets.get(name) ?? 0, paused: false })
  }

  let closing = false
  let knocks = 0
  let wakeUp: (() => void) | undefined

  function knock(): void {
    knocks++
    wakeUp?.()
  }

  const stopListening = bell.listen(knock)

  async function run(): Promise<void> {
    try {
      await readOn()
    } catch (error) {
      stopListening()
      // What broke it is what `done` tells; a partition that cannot even be given up is a consequence.
      await options.onLost(tps).catch(() => {})
      throw error
    }
    stopListening()
    await options.onLost(tps)
  }

  async function readOn(): Promise<void> {
    while (!closing) {
      const knocksBefore = knocks
      // Publishers, timers and sockets of this process get their turn between any two batches.
      await nextTick()
      let found = false
      for (const place of places.values()) {
        if (closing || place.paused || !(await hasMore(place))) continue
        if (await handOver(place)) found = true
        await nextTick()
      }
      if (!found) file.checkStillThere()
      if (!found && !closing && knocks === knocksBefore) await nextKnock()
    }
  }

  function nextKnock(): Promise<void> {
    return new Promise((resolve) => {
      wakeUp = () => {
        wakeUp = undefined
        resolve()
      }
    })
  }

  /** Whether there was a batch. */
  async function handOver(place: Place): Promise<boolean> {
    const { partition } = place
    const records = await untilFree(file, () => partition.read(place.offset, recordsMax))
    const last = records.at(-1)
    if (last === undefined) return false
    // Before the call, so that a seek within it stands.
    place.offset = last.offset + 1
    await options.onBatch(partition.tp, records, { heartbeat: () => nextTick() })
    return true
  }

  /** One look-up: most partitions have nothing new in most rounds. */
  async function hasMore({ partition, offset }: Place): Promise<boolean> {
    const endOffset = await untilFree(file, () => partition.endOffset())
    if (offset <= endOffset) return offset < endOffset
    // The log under us is not the one that this position came from.
    file.checkStillThere()
    throw new EngineError(
      'log-lost',
      `${tpName(partition.tp)} ends at ${endOffset}, before position ${offset}`,
      {
        hint: 'The log lost its end, or is another log than the one this position belongs to.',
      },
    )
  }

  function placeOf(tp: TopicPartition): Place {
    const place = places.get(tpName(tp))
    if (place === undefined) throw new EngineError('bug', `${tpName(tp)} is not read by this consumer`)
    return place
  }

  function setPaused(tps: readonly TopicPartition[], paused: boolean): void {
    for (const tp of tps) placeOf(tp).paused = paused
    knock()
  }

  const done = run()

  return {
    done,
    pause: (tps) => setPaused(tps, true),
    resume: (tps) => setPaused(tps, false),
    seek(tp, offset) {
      placeOf(tp).offset = offset
      knock()
    },
    async close() {
      closing = true
      knock()
      // Whoever listens to `done` hears what broke it; closing is then over as well.
      await done.catch(() => {})
    },
  }
}
