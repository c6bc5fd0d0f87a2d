import { openBroker } from '../broker/open-broker.ts'
import { aligned } from '../config-text.ts'
import { SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'
import { openTables } from './open-tables.ts'
import { hasLog } from './open-to-look.ts'
import { ago, size } from './readable.ts'
import {
  type DiskStatus,
  diskStatus,
  feedFacts,
  feedStatus,
  isFine,
  lagStatus,
  type StatusReport,
} from './status-report.ts'

/** Marks come once a second and are in the tables within two; ten leave room for a busy machine. */
const STALE_AFTER_MS_MIN = 10 * SECOND_MS

/** How fresh every kind of every feed is, how far the tables are, what lies on the disk. Exit 1 when something is stale or nothing is live. */
export async function status(context: Context, options: { format: 'table' | 'json' }): Promise<number> {
  const report = await readStatus(context)
  if (report === undefined) {
    context.out(options.format === 'json' ? '{"ok":false,"feeds":[],"lags":[]}\n' : NOTHING_YET)
    return 1
  }
  context.out(options.format === 'json' ? `${JSON.stringify(report)}\n` : statusText(report))
  return report.ok ? 0 : 1
}

const NOTHING_YET = 'No data yet. `npm run demo` makes some; `npm start` polls the venues.\n'

async function readStatus(context: Context): Promise<StatusReport | undefined> {
  const { config } = context
  if (!hasLog(context)) return undefined
  const broker = await openBroker(config, context)
  let store: Awaited<ReturnType<typeof openTables>>
  try {
    store = await openTables(config)
    const staleAfterMs = Math.max(STALE_AFTER_MS_MIN, 2 * config.pollMs)
    const nowMs = context.nowMs()
    const facts = store === undefined ? [] : await feedFacts(store.db)
    const feeds = facts.map((feed) => feedStatus(feed, nowMs, staleAfterMs))
    const lags = await lagStatus(store?.db, broker)
    return { ok: isFine(feeds), feeds, lags, disk: await diskStatus(config) }
  } finally {
    await store?.close()
    await broker.close()
  }
}

const HEAD = [
  'VENUE',
  'SOURCE',
  'PRODUCT',
  'KIND',
  'STATE',
  'LAST',
  'VOUCHED FOR',
  'HOLES',
  'CONTINUITY',
  'REJECTIONS',
]

/** The report as people read it. */
export function statusText({ feeds, lags, disk }: StatusReport): string {
  const feedRows = feeds.map((feed) => [
    feed.venue,
    feed.source,
    feed.product,
    feed.kind,
    feed.state,
    ago(feed.ageMs),
    ago(feed.unwatchedMs),
    String(feed.openHoles),
    feed.continuity ?? '-',
    feed.rejections === null ? '' : String(feed.rejections),
  ])
  const lagRows = lags.map((lag) => [
    `${lag.topic}/${lag.partition}`,
    lag.reader,
    String(lag.records),
    String(lag.lagRecords),
    size(lag.bytes),
  ])
  return [
    ...aligned([HEAD, ...feedRows]),
    '',
    ...aligned([['TOPIC', 'READER', 'RECORDS', 'LAG', 'SIZE'], ...lagRows]),
    '',
    diskText(disk),
    '',
  ].join('\n')
}

/** What lies on this machine; what lies elsewhere is named. */
function diskText({ logBytes, storeBytes, spoolBytes, freeBytes }: DiskStatus): string {
  const parts = [
    logBytes === null ? 'log on Kafka' : `log ${size(logBytes)}`,
    storeBytes === null ? 'store in PostgreSQL' : `store ${size(storeBytes)}`,
    ...(spoolBytes === null ? [] : [`spool ${size(spoolBytes)}`]),
    ...(freeBytes === null ? [] : [`free ${size(freeBytes)}`]),
  ]
  return `disk: ${parts.join(', ')}`
}
