import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import type { Broker, TopicPartition } from '../broker/broker.ts'
import { openBroker } from '../broker/open-broker.ts'
import { pipeline } from '../pipeline.ts'
import { runProcessors } from '../processors/run-processors.ts'
import { openReadStore } from '../store/open-store.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import type { Store } from '../store/store.ts'
import type { Table } from '../store/table.ts'
import {
  type Finding,
  ledgerFindings,
  lineageFindings,
  outlivesLog,
  sameReach,
  tableFindings,
} from '../store/verify-tables.ts'
import type { Views } from '../store/views.ts'
import { bringTablesUpToDate } from './catch-up.ts'
import type { Context } from './context.ts'
import { GROUP, takeFreePlace } from './place.ts'

const READ_RECORDS = 2_000
const quiet = { info() {}, warn() {}, error() {} }

/**
 * Checks that everything adds up: every record of the log by its checksum, every processor's ledger, every row's lineage;
 * and, where no processor is running and the log still begins at its beginning, every table against one made anew from the
 * log. Exit 1 where something does not.
 */
export async function verify(context: Context): Promise<number> {
  const findings = [...(await verifyLog(context)), ...(await verifyTables(context))]
  for (const { ok, text } of findings) context.out(`${ok ? 'ok  ' : 'BAD '} ${text}\n`)
  return findings.every(({ ok }) => ok) ? 0 : 1
}

async function verifyLog(context: Context): Promise<Finding[]> {
  const broker = await openBroker(context.config, context)
  const findings: Finding[] = []
  for (const { topic, partitionInfos } of await broker.topics()) {
    for (const { partition, startOffset, endOffset } of partitionInfos) {
      findings.push(await verifyPartition(broker, { topic, partition }, startOffset, endOffset))
    }
  }
  await broker.close()
  return findings
}

async function verifyPartition(
  broker: Broker,
  tp: TopicPartition,
  start: number,
  end: number,
): Promise<Finding> {
  const bad: number[] = []
  for (let at = start; at < end; ) {
    const records = await broker.read(tp, at, READ_RECORDS)
    if (records.length === 0) break
    for (const { offset, corrupt } of records) if (corrupt) bad.push(offset)
    at = records.at(-1)!.offset + 1
  }
  const name = `${tp.topic}/${tp.partition}`
  if (bad.length === 0) return { ok: true, text: `log ${name}: ${end - start} records, none damaged` }
  const where = bad.slice(0, 10).join(', ')
  return {
    ok: false,
    text: `log ${name}: ${bad.length} of ${end - start} records are damaged, at offset ${where}`,
  }
}

async function verifyTables(context: Context): Promise<Finding[]> {
  const place = await takeFreePlace(context, 'verify')
  if (!('release' in place)) return verifyWhileRunning(context)
  place.release()
  await (await bringTablesUpToDate(context)).close()
  return [...(await verifyWhileRunning(context)), ...(await verifyByReplay(context))]
}

async function verifyWhileRunning(context: Context): Promise<Finding[]> {
  const store = await openReadStore(context.config)
  const findings = [
    ...(await ledgerFindings(store.db)),
    ...(await lineageFindings(store.db, tablesOf(context))),
  ]
  await store.close()
  return findings
}

/** Every table once more from the log, in a store of its own, and compared row by row. */
async function verifyByReplay(context: Context): Promise<Finding[]> {
  const broker = await openBroker(context.config, context)
  const kept = await openReadStore(context.config)
  const dir = mkdtempSync(join(tmpdir(), 'tidebook-verify-'))
  try {
    const before = await incomparable(context, broker, kept.db)
    if (before !== undefined) return notCompared(before)
    const again = openSqliteStore({ file: join(dir, 'store.db'), monotonicMs: context.monotonicMs })
    await replay(context, broker, again)
    const findings = (await sameReach(kept.db, again.db))
      ? await tableFindings(kept.db, again.db, tablesOf(context))
      : notCompared('the log has grown meanwhile')
    await again.close()
    return findings
  } finally {
    await kept.close()
    await broker.close()
    rmSync(dir, { recursive: true })
  }
}

function notCompared(why: string): Finding[] {
  return [{ ok: true, text: `tables are not compared with the log: ${why}` }]
}

/** Why the log does not make these tables again, where it does not. */
async function incomparable(
  context: Context,
  broker: Broker,
  db: Kysely<Views>,
): Promise<string | undefined> {
  const cut = (await broker.topics()).find(({ partitionInfos }) =>
    partitionInfos.some(({ startOffset }) => startOffset > 0),
  )
  if (cut !== undefined) return `${cut.topic} no longer begins at its beginning`
  return (await outlivesLog(db, tablesOf(context)))
    ? 'some rows were made from a log that is gone'
    : undefined
}

async function replay(context: Context, broker: Broker, store: Store): Promise<void> {
  const { config, monotonicMs, nowMs, random } = context
  const runner = await runProcessors({
    // Nobody needs to know how far this is: a group that tells no offsets leaves nothing behind.
    broker: { ...broker, commitOffsets: async () => undefined },
    store,
    processors: pipeline(config),
    group: `${GROUP}-verify-${nowMs().toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`,
    lateMaxMs: config.lateMaxMs,
    monotonicMs,
    log: quiet,
  })
  await runner.caughtUp()
  await runner.close()
}

function tablesOf({ config }: Context): Table<unknown>[] {
  return pipeline(config).map(({ table }) => table)
}
