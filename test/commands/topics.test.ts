import { describe, expect, test } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { topics, topicsText } from '../../src/commands/topics.ts'
import { openEmbedded } from '../broker/logs.ts'
import { testContext } from './insights-context.ts'
import { topicsSuite } from './looking-suite.ts'

topicsSuite('the embedded log', () => openEmbedded(MEMORY))

describe('npm run topics', () => {
  test('is a table for people', async () => {
    const { broker } = await openEmbedded(MEMORY)
    expect((await topicsText(broker, { format: 'table' })).replace(/[0-9a-f]{8}$/gm, 'a1b2c3d4')).toBe(
      [
        'TOPIC            PARTITIONS   COPIES   RECORDS   SIZE     KEPT FOR   UP TO    LOG ID',
        'books.coinbase   2            1        0         0.0 kB   1m         1.0 GB   a1b2c3d4',
        'rejections       1            1        0         0.0 kB   1m         1.0 GB   a1b2c3d4',
        '',
      ].join('\n'),
    )
  })

  test('writes bounds that are none as words', async () => {
    const { broker } = await openEmbedded(MEMORY)
    const [books] = await broker.topics()
    const unbounded = { ...books!, retentionMs: -1, retentionBytes: -1 }
    const text = await topicsText({ ...broker, topics: async () => [unbounded] }, { format: 'table' })
    expect(text).toMatch(/ ever +any size /)
  })

  test('warns of topics that are not as the settings ask', async () => {
    const before = testContext({ FEED_PARTITIONS: '2' })
    await (await openBroker(before.config, before)).close()
    const context = testContext({ FEED_PARTITIONS: '4', DATA_DIR: before.config.dataDir })
    expect(await topics(context, { format: 'json' })).toBe(0)
    const rows = JSON.parse(context.printed()) as { topic: string; partitions: number }[]
    const ofCoinbase = rows.filter(({ topic }) => topic.endsWith('.coinbase') || !topic.includes('.'))
    expect(ofCoinbase.map(({ topic, partitions }) => [topic, partitions])).toEqual([
      ['books.coinbase', 2],
      ['insights', 1],
      ['rejections', 1],
      ['tickers.coinbase', 2],
      ['trades.coinbase', 2],
    ])
    expect(rows).toHaveLength(17)
    expect(context.lines.map(({ msg }) => msg)).toContain(
      'books.coinbase has 2 partitions and keeps them; asked for were 4',
    )
  })

  test('says what to run where there is no log yet, and begins none', async () => {
    const context = testContext()
    for (let call = 0; call < 2; call++) {
      await expect(topics(context, { format: 'table' })).rejects.toMatchObject({
        code: 'log-missing',
        hint: expect.stringContaining('npm start'),
      })
    }
  })
})
