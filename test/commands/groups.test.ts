import { describe, expect, test } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { groupRows, groups } from '../../src/commands/groups.ts'
import { openEmbedded, records } from '../broker/logs.ts'
import { testContext } from './insights-context.ts'
import { groupsSuite } from './looking-suite.ts'

groupsSuite('the embedded log', () => openEmbedded(MEMORY))

const T0 = Date.UTC(2026, 10, 21, 10)
const REJECTIONS = { topic: 'rejections', partition: 0 }

describe('npm run groups', () => {
  test('is a table for people', async () => {
    const context = testContext({}, () => T0)
    const broker = await openBroker(context.config, context)
    await broker.publish(records(1, 5, REJECTIONS))
    await broker.commitOffsets('tidebook', [{ ...REJECTIONS, offset: 2 }])
    await broker.close()
    await groups({ ...context, nowMs: () => T0 + 90_000 }, { over: '1ms', format: 'table' })
    expect(context.printed()).toBe(
      [
        'GROUP      MEMBERS   TOPIC        PARTITION   OFFSET   END   LAG   BEHIND   SLOPE   ZERO IN',
        'tidebook   -         rejections   0           2        5     3     1 min    0.0/s   -',
        '',
      ].join('\n'),
    )
  })

  test('has a row for every group and partition in CSV, with bare numbers', async () => {
    const context = testContext({}, () => T0)
    const broker = await openBroker(context.config, context)
    await broker.commitOffsets('a', [{ ...REJECTIONS, offset: 0 }])
    await broker.close()
    await groups(context, { over: '0s', format: 'csv' })
    expect(context.printed()).toBe(
      'group,members,topic,partition,offset,endOffset,lagRecords,lagMs,slope,zeroInMs\na,,rejections,0,0,0,0,0,,0\n',
    )
  })

  test('says so where no group has told an offset', async () => {
    const context = testContext()
    await (await openBroker(context.config, context)).close()
    await groups(context, { over: '0s', format: 'table' })
    expect(context.printed()).toBe('No group has told an offset yet.\n')
    await groups(context, { over: '0s', format: 'json' })
    expect(context.printed()).toContain('[]\n')
  })

  test('does not count what retention took, and knows no lag on a partition that is not there', async () => {
    const { broker } = await openEmbedded(MEMORY)
    await broker.publish(records(1, 10))
    const [books] = await broker.topics()
    const tp = { topic: books!.topic, partition: 0 }
    await broker.ensureTopics([{ ...books!, retentionBytes: 60 }])
    await broker.applyRetention()
    await broker.commitOffsets('behind', [
      { ...tp, offset: 2 },
      { ...tp, partition: 9, offset: 4 },
    ])
    const [info] = (await broker.topics())[0]!.partitionInfos
    expect(info!.startOffset).toBeGreaterThan(2)
    const clock = { nowMs: () => T0, monotonicMs: () => 0, stop: new AbortController().signal }
    expect(await groupRows(broker, clock, 0)).toMatchObject([
      { partition: 0, offset: 2, lagRecords: info!.endOffset - info!.startOffset },
      { partition: 9, offset: 4, endOffset: null, lagRecords: null, lagMs: null },
    ])
  })

  test.each([['soon'], ['2'], ['2h']])('--over %s is a mistake of usage', async (over) => {
    await expect(groups(testContext(), { over, format: 'table' })).rejects.toMatchObject({ code: 'usage' })
  })
})
