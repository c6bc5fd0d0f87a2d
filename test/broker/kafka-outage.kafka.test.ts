import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { LocalKafka } from '../../ops/kafka/local-kafka.ts'
import type { Broker } from '../../src/broker/broker.ts'
import { recordingLog } from '../alerts/recording-log.ts'
import { withOwnKafka } from '../services/own-kafka.ts'
import { openKafka, openWithTopics } from './kafka-brokers.ts'
import { listen, readAll, record } from './logs.ts'

/** A Kafka that is killed, paused and started again under load. */
withOwnKafka('kafka that goes away', (kafkas) => {
  let one: Promise<LocalKafka> | undefined
  const kafka = () => (one ??= kafkas.start())

  /** Publishes n = 1, 2, ... of a run, one call after another and each again until it is acknowledged, as a spool does. */
  function publishing(broker: Broker, topic: string, calls: number) {
    const refused: string[] = []
    const counted = { acknowledged: 0 }
    const done = (async () => {
      for (let n = 1; n <= calls * 5; n += 5) {
        const call = [0, 1, 2, 3, 4].map((i) => record(n + i, { topic, partition: (n + i) % 2 }))
        await untilTaken(broker, call, refused)
        counted.acknowledged += call.length
        await delay(2)
      }
    })()
    return { done, refused, counted }
  }

  async function untilTaken(broker: Broker, call: ReturnType<typeof record>[], refused: string[]) {
    for (;;) {
      try {
        await broker.publish(call)
        return
      } catch (error) {
        refused.push((error as { code: string }).code)
      }
    }
  }

  /** What is left of a partition when everything that came twice is dropped. */
  async function firstOf(broker: Broker, topic: string, partition: number): Promise<number[]> {
    const kept: number[] = []
    for (const { n } of await readAll(broker, { topic, partition })) {
      if (n! > (kept.at(-1) ?? 0)) kept.push(n!)
    }
    return kept
  }

  const everyOther = (from: number, to: number) =>
    Array.from({ length: (to - from) / 2 + 1 }, (_, i) => from + 2 * i)

  test('kill -9 while records are published and read: all that was acknowledged is there, once, in order', {
    timeout: 120_000,
  }, async () => {
    const { brokers, node } = await kafka()
    const { log, entries } = recordingLog()
    const { broker, books } = await openWithTopics(brokers, { publishMs: 3_000, log })
    const { topic } = books
    const positions = new Map<string, number>()
    const heard: [number[], number[]] = [[], []]
    const listener = await listen(broker, {
      topics: [topic],
      group: topic,
      onAssigned: async () => positions,
      onBatch: async ({ partition }, batch) => {
        heard[partition]!.push(...batch.map(({ n }) => n!))
        positions.set(`${topic}/${partition}`, batch.at(-1)!.offset + 1)
      },
    })
    const { done, refused, counted } = publishing(broker, topic, 400)
    await expect.poll(() => counted.acknowledged, { timeout: 10_000 }).toBeGreaterThan(200)
    await node(1).crash()
    await expect.poll(() => refused.length, { timeout: 20_000 }).toBeGreaterThan(0)
    await node(1).start()
    await done
    expect(new Set(refused)).toEqual(new Set(['broker-unreachable']))
    expect(await firstOf(broker, topic, 0)).toEqual(everyOther(2, 2_000))
    expect(await firstOf(broker, topic, 1)).toEqual(everyOther(1, 1_999))
    for (const partition of [0, 1]) {
      const all = (await readAll(broker, { topic, partition })).map(({ n }) => n)
      await expect.poll(() => heard[partition]!.length, { timeout: 30_000 }).toBe(all.length)
      expect(heard[partition]).toEqual(all)
    }
    await listener.consumer.close()
    const said = entries()
      .filter(({ level }) => Number(level) > 20)
      .map(({ msg }) => String(msg).split(/:| after/)[0])
    expect(said.toSorted()).toEqual([
      'Kafka is away for reading',
      'Kafka is away for writing',
      'Kafka is back for reading',
      'Kafka is back for writing',
    ])
  })

  test('a broker that stands still is given up in time, and gone on with when it wakes', {
    timeout: 120_000,
  }, async () => {
    const { brokers, node } = await kafka()
    const { broker, books } = await openWithTopics(brokers, { publishMs: 2_000 })
    const { topic } = books
    const listener = await listen(broker, { topics: [topic], group: topic })
    await broker.publish([record(1, { topic })])
    await listener.until(1)
    node(1).pause()
    try {
      const began = performance.now()
      const calls = [2, 3].map((n) => broker.publish([record(n, { topic })]))
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ reason: { code: 'broker-unreachable', retry: 'yes' } })
      }
      expect(performance.now() - began).toBeLessThan(10_000)
    } finally {
      node(1).resume()
    }
    for (const n of [2, 3, 4]) await untilTaken(broker, [record(n, { topic })], [])
    expect(await firstOf(broker, topic, 0)).toEqual([1, 2, 3, 4])
    await expect.poll(() => new Set(listener.heard.map(({ n }) => n)).size, { timeout: 30_000 }).toBe(4)
  })

  test('an address where something else listens is told within seconds', { timeout: 60_000 }, async () => {
    const { node } = await kafka()
    node(1).pause()
    try {
      const began = performance.now()
      await expect(openKafka([node(1).address])).rejects.toMatchObject({ code: 'broker-unreachable' })
      expect(performance.now() - began).toBeLessThan(15_000)
    } finally {
      node(1).resume()
    }
  })
})
