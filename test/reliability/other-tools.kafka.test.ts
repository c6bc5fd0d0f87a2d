import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { ProductBook } from '../../src/models/product-book.ts'
import { type Cluster, until, withClusters } from './cluster.ts'
import { BOOKS, partitionsOf, recordsOf } from './kafka-log.ts'
import { history } from './kills.ts'

const TICKS = 25
const KCAT = spawnSync('kcat', ['-V']).error === undefined
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** A record as any tool may show it. */
type Shown = { readonly key: string | null; readonly run: string; readonly n: string; readonly value: string }

withClusters('what others see on Kafka', ({ open, tool }) => {
  let cluster: Cluster
  let ours: readonly Shown[]
  beforeAll(async () => {
    cluster = await open()
    expect(await cluster.run(history(TICKS))).toMatchObject({ code: 0 })
    ours = await ourRecords(cluster)
    expect(
      ours.filter(({ value }) => ProductBook.safeParse(JSON.parse(value)).success).length,
    ).toBeGreaterThan(90)
  })

  test.skipIf(!KCAT && !process.env['CI'])(
    `kcat reads plain JSON with keys and headers${KCAT ? '' : ': needs kcat (Debian: apt-get install kcat)'}`,
    async () => {
      const args = ['-b', cluster.kafka.brokers[0]!, '-t', BOOKS, '-C', '-e', '-q', '-J']
      const { stdout } = await promisify(execFile)('kcat', args, { maxBuffer: OUTPUT_BYTES_MAX })
      expect(stdout.trim().split('\n').map(ofKcat).sort(byRunAndN)).toEqual(ours)
    },
  )

  test("Kafka's console consumer reads plain JSON with keys and headers", async () => {
    const stdout = await tool('kafka-console-consumer', [
      ...at(cluster),
      ...['--topic', BOOKS, '--from-beginning', '--max-messages', String(ours.length)],
      ...['--property', 'print.key=true', '--property', 'print.headers=true'],
    ])
    expect(stdout.trim().split('\n').map(ofConsole).sort(byRunAndN)).toEqual(ours)
  }, 60_000)

  test('kafka-consumer-groups shows the group of the processors, with its lag', async () => {
    const worker = cluster.worker()
    await cluster.untilThrough()
    await until('Kafka was told', 10_000, async () => lagOf(await describeGroup()) === 0)
    worker.signal('SIGTERM')
    await worker.ended
    expect(await cluster.run(history(TICKS, '2026-11-20T12:30:00Z'))).toMatchObject({ code: 0 })
    const lag = (await ourRecords(cluster)).length - ours.length
    expect(lagOf(await describeGroup())).toBe(lag)
  }, 90_000)

  function describeGroup(): Promise<string> {
    return tool('kafka-consumer-groups', [...at(cluster), '--describe', '--group', 'tidebook'])
  }
})

function at({ kafka }: Cluster): string[] {
  return ['--bootstrap-server', kafka.brokers[0]!]
}

function ourRecords(cluster: Cluster): Promise<Shown[]> {
  return cluster.withBroker(async (broker) => {
    const shown: Shown[] = []
    for (const tp of await partitionsOf(broker, BOOKS)) {
      for await (const { key, run, n, value } of recordsOf(broker, tp)) {
        shown.push({ key, run: String(run), n: String(n), value: String(value) })
      }
    }
    return shown.sort(byRunAndN)
  })
}

/** n is counted in each partition for itself: the value tells equals apart. */
function byRunAndN(a: Shown, b: Shown): number {
  const [ofA, ofB] = [a, b].map(({ run, n, value }) => `${run} ${n.padStart(9, '0')} ${value}`)
  return ofA! < ofB! ? -1 : 1
}

/** `{"topic":"books.coinbase",...,"headers":["run","mock-1","n","7"],"key":"BTC-USD","payload":"{...}"}` */
function ofKcat(line: string): Shown {
  const { key, headers, payload } = JSON.parse(line) as {
    key: string | null
    headers: string[]
    payload: string
  }
  const header = (name: string) => headers[headers.indexOf(name) + 1]!
  return { key, run: header('run'), n: header('n'), value: payload }
}

/** `run:mock-1,n:7<tab>BTC-USD<tab>{...}` */
function ofConsole(line: string): Shown {
  const [headers, key, value] = line.split('\t') as [string, string, string]
  const { run, n } = Object.fromEntries(headers.split(',').map((header) => header.split(':'))) as Shown
  return { key: key === 'null' ? null : key, run, n, value }
}

/** Of the books, over all partitions: `GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...` */
function lagOf(described: string): number {
  const rows = described.split('\n').map((line) => line.trim().split(/\s+/))
  const books = rows.filter(([group, topic]) => group === 'tidebook' && topic === BOOKS)
  return books.reduce((sum, [, , , , , lag]) => sum + Number(lag), 0)
}
