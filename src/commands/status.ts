import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openBroker } from '../broker/open-broker.ts'
import { aligned } from '../config-text.ts'
import { SECOND_MS } from '../models/time.ts'
import type { Context } from './context.ts'
import { openTables } from './open-tables.ts'
import { diskStatus, feedFacts, feedStatus, isFine, lagStatus, type StatusReport } from './status-report.ts'

/** Marks come once a second and are in the tables within two; ten leave room for a busy machine. */
const STALE_AFTER_MS_MIN = 10 * SECOND_MS

/** How fresh every feed is, how far the tables are, what lies on the disk. Exit 1 when something is stale or nothing is live. */
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
  if (!existsSync(join(config.dataDir, 'log.db'))) return undefined
  const broker = await openBroker(config, context)
  const store = await openTables(config)
  try {
    const staleAfterMs = Math.max(STALE_AFTER_MS_MIN, 2 * config.pollMs)
    const nowMs = context.nowMs()
    const facts = store === undefined ? [] : await feedFacts(store.db)
    const feeds = facts.map((feed) => feedStatus(feed, nowMs, staleAfterMs))
    const lags = await lagStatus(store?.db, broker)
    return { ok: isFine(feeds), feeds, lags, disk: await diskStatus(config.dataDir) }
  } finally {
    await store?.close()
    await broker.close()
  }
}

/** The report as people read it. */
export function statusText({ feeds, lags, disk }: StatusReport): string {
  const feedRows = feeds.map((feed) => [
    feed.venue,
    feed.source,
    feed.product,
    feed.state,
    age(feed.ageMs),
    age(feed.unwatchedMs),
    String(feed.openHoles),
    String(feed.rejections),
  ])
  const lagRows = lags.map((lag) => [
    `${lag.topic}/${lag.partition}`,
    lag.reader,
    String(lag.records),
    String(lag.lagRecords),
    size(lag.bytes),
  ])
  return [
    ...aligned([
      ['VENUE', 'SOURCE', 'PRODUCT', 'STATE', 'LAST BOOK', 'VOUCHED FOR', 'HOLES', 'REJECTIONS'],
      ...feedRows,
    ]),
    '',
    ...aligned([['TOPIC', 'READER', 'RECORDS', 'LAG', 'SIZE'], ...lagRows]),
    '',
    `disk: log ${size(disk.logBytes)}, store ${size(disk.storeBytes)}, free ${size(disk.freeBytes)}`,
    '',
  ].join('\n')
}

/** `0.4 s ago`, `12 min ago`; a venue's clock may be a little ahead of ours. */
function age(ms: number | null): string {
  if (ms === null) return 'never'
  if (ms < 120_000) return `${(Math.max(ms, 0) / SECOND_MS).toFixed(1)} s ago`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min ago` : `${Math.round(ms / 3_600_000)} h ago`
}

function size(bytes: number): string {
  const unit =
    bytes >= 1e9 ? (['GB', 1e9] as const) : bytes >= 1e6 ? (['MB', 1e6] as const) : (['kB', 1e3] as const)
  return `${(bytes / unit[1]).toFixed(1)} ${unit[0]}`
}
