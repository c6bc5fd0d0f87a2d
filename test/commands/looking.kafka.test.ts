import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { groups } from '../../src/commands/groups.ts'
import { status } from '../../src/commands/status.ts'
import { tail } from '../../src/commands/tail.ts'
import { topics } from '../../src/commands/topics.ts'
import { openWithTopics } from '../broker/kafka-brokers.ts'
import { cleanKafka, withKafka } from '../services/kafka.ts'
import { publishQuotes, type TestContext, testContext } from './insights-context.ts'
import { groupsSuite, tailSuite, topicsSuite } from './looking-suite.ts'

withKafka('looking into Kafka', (brokers) => {
  const open = () => openWithTopics(brokers)
  topicsSuite('Kafka', open)
  tailSuite('Kafka', open)
  groupsSuite('Kafka', open)

  describe('the commands, with no log of our own', () => {
    /** Two books on Kafka, and a data folder that nobody has made. */
    async function filled(): Promise<TestContext> {
      await cleanKafka()
      const context = testContext({ KAFKA_BROKERS: brokers.join(',') })
      const away = {
        ...context,
        config: { ...context.config, dataDir: join(context.config.dataDir, 'none') },
      }
      const atMs = Date.now()
      await publishQuotes(away, [
        { atMs: atMs - 1_000, bid: '100', ask: '101' },
        { atMs, bid: '100.5', ask: '101' },
      ])
      return away
    }

    test('topics and groups show what is there', async () => {
      const context = await filled()
      await topics(context, { format: 'json' })
      expect(JSON.parse(context.printed())).toContainEqual(
        expect.objectContaining({ topic: 'books.coinbase', records: 4, replication: 1 }),
      )
      expect(await groups(context, { over: '0s', format: 'table' })).toBe(0)
    })

    test('tail reads to the end', async () => {
      const context = await filled()
      let text = ''
      const options = { offset: 'start', num: '0', key: ['BTC-USD'], format: '%k %o\\n', exit: true }
      await tail(context, 'books.coinbase', options, async (more) => {
        text += more
      })
      expect(text).toBe('BTC-USD 0\nBTC-USD 1\nBTC-USD 2\n')
    })

    test('status knows the lag, and that the log is elsewhere', async () => {
      const context = await filled()
      expect(await status(context, { format: 'table' })).toBe(1)
      expect(context.printed()).toMatch(/^books\.coinbase\/0 +nobody +4 +4 /m)
      expect(context.printed()).toMatch(/^disk: log on Kafka, store 0\.0 kB$/m)
    })
  })
})
