import { expect, test } from 'vitest'
import { openPublisher } from '../../src/broker/publisher.ts'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { BOOKS, openLog, readAll } from './logs.ts'

const REJECTIONS = { topic: 'rejections', partition: 0 }

test('a run numbers its records densely from 1 in every partition', async () => {
  const broker = await openLog(MEMORY)
  const { send } = await openPublisher(broker, 'run-1')
  const draft = (partition: number) => ({ topic: BOOKS, key: null, partition, value: '{}' })
  await send([draft(0), draft(1), draft(0)])
  await send([draft(1), draft(0)])
  expect((await readAll(broker, { topic: BOOKS, partition: 0 })).map(({ n }) => n)).toEqual([1, 2, 3])
  expect((await readAll(broker, { topic: BOOKS, partition: 1 })).map(({ n }) => n)).toEqual([1, 2])
})

test('all records of a key lie in one partition, and the keys spread over all of them', async () => {
  const broker = await openLog(MEMORY)
  const { send, partitionOf } = await openPublisher(broker, 'run-1')
  const keys = ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD', 'ADA-USD', 'LTC-USD']
  await send([...keys, ...keys].map((key) => ({ topic: BOOKS, key, value: '{}' })))
  for (const partition of [0, 1]) {
    const lying = (await readAll(broker, { topic: BOOKS, partition })).map(({ key }) => key)
    const belonging = keys.filter((key) => partitionOf(BOOKS, key) === partition)
    expect(lying).toEqual([...belonging, ...belonging])
    expect(belonging.length).toBeGreaterThan(0)
  }
})

test('a key and a run keep their names', async () => {
  const broker = await openLog(MEMORY)
  const { send } = await openPublisher(broker, 'run-1')
  await send([{ topic: 'rejections', key: 'coinbase', headers: { a: 'b' }, value: '{}' }])
  expect(await readAll(broker, REJECTIONS)).toMatchObject([
    { key: 'coinbase', run: 'run-1', headers: { a: 'b' } },
  ])
})

test('a value may hold its own id, run and number', async () => {
  const broker = await openLog(MEMORY)
  const { send } = await openPublisher(broker, 'run-1')
  await send(
    [1, 2].map(() => ({ topic: 'rejections', key: 'coinbase', value: (id: string) => `{"id":"${id}"}` })),
  )
  expect((await readAll(broker, REJECTIONS)).map(({ value }) => value)).toEqual([
    '{"id":"run-1-1"}',
    '{"id":"run-1-2"}',
  ])
})

test('a run that goes on in another process goes on with its numbers', async () => {
  const broker = await openLog(MEMORY)
  const { send } = await openPublisher(broker, 'run-1', new Map([['rejections/0', 41]]))
  await send([{ topic: 'rejections', key: 'coinbase', value: '{}' }])
  expect((await readAll(broker, REJECTIONS)).map(({ n }) => n)).toEqual([42])
})
