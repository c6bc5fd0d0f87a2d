import { describe, expect, test } from 'vitest'
import { KafkaQueue } from '../../../src/broker/kafka/queue.ts'
import { record } from '../logs.ts'

/** A call is written `A1 A2 B1`: records 1 and 2 of partition A, and record 1 of B. */
const PARTITIONS = 'ABC'
const BIG = 'x'.repeat(900)

describe('a send', () => {
  test('takes calls in order, up to its number of records, and the rest goes with the next', () => {
    const { queue, add } = queueOf({ recordsMax: 3 })
    add('A1 A2')
    add('B1 A3')
    add('A4')
    expect([sendOf(queue), sendOf(queue), sendOf(queue)]).toEqual(['A1 A2 | B1', 'A3 | A4', ''])
  })

  test('is full at its bytes; a record that is larger goes alone', () => {
    const { queue, add } = queueOf({ bytesMax: 500 })
    add('A1')
    add('A2', BIG)
    add('A3')
    expect(queue.isFull).toBe(true)
    expect([sendOf(queue), sendOf(queue), sendOf(queue)]).toEqual(['A1', 'A2', 'A3'])
    expect(queue.hasUnsent).toBe(false)
  })

  test('is never more than the smallest of its topics takes', () => {
    const { queue, add } = queueOf({ bytesMax: 10_000, batchBytesMax: 1_500 })
    add('A1')
    add('A2', BIG)
    add('B1', BIG)
    expect([sendOf(queue), sendOf(queue)]).toEqual(['A1 | A2', 'B1'])
  })
})

describe('a call', () => {
  test('resolves when its last part is acknowledged', async () => {
    const { queue, add, told } = queueOf({ recordsMax: 2 })
    add('A1 A2 A3')
    queue.acknowledge(queue.take()[0]!)
    await settled()
    expect(told()).toEqual(['waits'])
    queue.acknowledge(queue.take()[0]!)
    await settled()
    expect(told()).toEqual(['durable'])
    expect(queue.waitingBytes).toBe(0)
  })

  const cases: [string, string[], string[]][] = [
    ['those of the same partition', ['A1', 'A2', 'B1'], ['refused', 'refused', 'waits']],
    ['and those behind them', ['A1', 'A2 B1', 'B2', 'C1'], ['refused', 'refused', 'refused', 'waits']],
    ['but none before it', ['A1', 'B1', 'A2'], ['refused', 'waits', 'refused']],
  ]
  test.each(cases)('that failed takes along %s: %s', async (_, calls, expected) => {
    const { queue, add, told } = queueOf({ recordsMax: 1 })
    for (const call of calls) add(call)
    queue.rejectBehind(queue.take()[0]!.call, new Error('refused'))
    await settled()
    expect(told()).toEqual(expected)
    queue.clean()
    const left = calls.filter((_call, i) => expected[i] === 'waits')
    expect(left.map(() => sendOf(queue))).toEqual(left)
    expect(queue.hasUnsent).toBe(false)
  })

  test('is rejected with all others where nobody answers', async () => {
    const { queue, add, told } = queueOf({ recordsMax: 1 })
    for (const call of ['A1 A2', 'B1']) add(call)
    queue.take()
    queue.rejectAll(new Error('nobody'))
    await settled()
    expect(told()).toEqual(['nobody', 'nobody'])
    expect([queue.waitingBytes, queue.hasUnsent]).toEqual([0, false])
  })
})

function queueOf(about: { recordsMax?: number; bytesMax?: number; batchBytesMax?: number }) {
  const limits = { recordsMax: about.recordsMax ?? 1_000, bytesMax: about.bytesMax ?? 1e6 }
  const queue = new KafkaQueue(limits, () => about.batchBytesMax)
  const states: string[] = []
  function add(call: string, value = 'x'): void {
    const index = states.push('waits') - 1
    const records = call.split(' ').map((text) => {
      const partition = PARTITIONS.indexOf(text[0]!)
      return record(Number(text.slice(1)), { partition, value })
    })
    queue.add(records, '0', 0).then(
      () => {
        states[index] = 'durable'
      },
      (error: Error) => {
        states[index] = error.message
      },
    )
  }
  return { queue, add, told: () => states }
}

/** The records of the next send, with a bar between calls. */
function sendOf(queue: KafkaQueue): string {
  const parts = queue
    .take()
    .map(({ records }) => records.map(({ partition, n }) => `${PARTITIONS[partition]}${n}`).join(' '))
  return parts.join(' | ')
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
