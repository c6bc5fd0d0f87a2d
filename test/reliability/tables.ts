import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { loadConfig } from '../../src/config.ts'
import { pipeline } from '../../src/pipeline.ts'
import { openReadStore } from '../../src/store/open-store.ts'
import { dump } from '../../src/store/verify-tables.ts'
import { type Running, type StartOptions, start } from './commands.ts'

/** What lies in a data folder, looked at from outside, without changing anything. */

/** Every table of rows, lineage included; how far each processor is; and what was told, each line as text. */
export type Tables = Readonly<Record<string, readonly string[]>>

const LEDGER =
  'SELECT processor, topic, partition, first, position, applied, duplicate, too_late, foreign_records, lost FROM positions ORDER BY 1, 2, 3'
const MESSAGES = 'SELECT id, kind, payload FROM outbox ORDER BY id'

export async function tablesIn(dir: string): Promise<Tables> {
  const config = loadConfig({ DATA_DIR: dir })
  const store = await openReadStore(config)
  try {
    const tables: Record<string, readonly string[]> = {}
    for (const { table } of pipeline(config)) tables[table.name] = await dump(store.db, table)
    tables['positions'] = askAll(dir, LEDGER).map((row) => JSON.stringify(row))
    tables['outbox'] = askAll(dir, MESSAGES).map((row) => JSON.stringify(row))
    return tables
  } finally {
    await store.close()
  }
}

/** Where two folders' tables differ, one line a table with the first row that does; nothing where they are equal. */
export function differences(ours: Tables, theirs: Tables): string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((name) => {
    const [a, b] = [ours[name] ?? [], theirs[name] ?? []]
    const longer = Math.max(a.length, b.length)
    for (let i = 0; i < longer; i++) {
      if (a[i] !== b[i]) return [`${name}: ${a.length} and ${b.length} rows; row ${i}: ${a[i]} and ${b[i]}`]
    }
    return []
  })
}

/** All rows of a query to the store, or to another file of the folder. */
export function askAll<Row = Record<string, unknown>>(dir: string, sql: string, file = 'store.db'): Row[] {
  const db = new Database(join(dir, file), { readonly: true, timeout: 10_000 })
  try {
    return db.prepare(sql).all() as Row[]
  } finally {
    db.close()
  }
}

export function integrityOf(dir: string, file: string): unknown {
  return askAll<{ integrity_check: unknown }>(dir, 'PRAGMA integrity_check', file)[0]?.integrity_check
}

/** Offset after the last record of each topic-partition, `books.coinbase/0` first. */
export function logEnds(dir: string): Map<string, number> {
  const partitions = askAll<{ id: number; name: string }>(
    dir,
    "SELECT id, topic || '/' || partition AS name FROM partitions ORDER BY topic, partition",
    'log.db',
  )
  return new Map(
    partitions.map(({ id, name }) => {
      const sql = `SELECT coalesce(max("offset") + 1, 0) AS ends FROM records_${id}`
      return [name, askAll<{ ends: number }>(dir, sql, 'log.db')[0]!.ends]
    }),
  )
}

/** Whether every processor has applied everything that lies on the log. */
export function isThrough(dir: string): boolean {
  if (!existsSync(join(dir, 'store.db'))) return false
  const tables = askAll(dir, "SELECT 1 FROM sqlite_master WHERE name = 'positions'")
  if (tables.length === 0) return false
  const positions = askAll<{ name: string; position: number }>(
    dir,
    "SELECT topic || '/' || partition AS name, min(position) AS position FROM positions GROUP BY 1",
  )
  const reached = new Map(positions.map(({ name, position }) => [name, position]))
  return [...logEnds(dir)].every(([name, ends]) => (reached.get(name) ?? 0) >= ends)
}

const LOOK_MS = 25
const READY = '"msg":"processing"'

export type Processing = Running & {
  /** Resolves when it has taken over the tables and reads; rejects where it ends before. */
  readonly ready: Promise<void>
}

export function startProcess(
  dir: string,
  args: readonly string[] = [],
  options: StartOptions = {},
): Processing {
  const env = { LOG_LEVEL: 'info', ...options.env }
  const processing = start(dir, ['process', ...args], { ...options, env })
  const ready = processing.said(READY)
  ready.catch(() => undefined)
  return { ...processing, ready }
}

/** Waits until `process` has brought the tables up to the log's end; rejects where it ends before. */
export async function untilThrough(dir: string, processing: Processing): Promise<void> {
  await processing.ready
  while (!isThrough(dir)) {
    if (processing.hasEnded()) throw new Error(`process ended too early: ${(await processing.ended).stderr}`)
    await delay(LOOK_MS)
  }
}

/** Waits until `process` is through, and stops it in order. */
export async function endInOrder(dir: string, processing: Processing): Promise<void> {
  await untilThrough(dir, processing)
  processing.signal('SIGTERM')
  const { code, signal, stderr } = await processing.ended
  if (code !== 0) throw new Error(`process ended with ${code ?? signal}: ${stderr}`)
}

/** Runs `process` until it is through. */
export async function processAll(dir: string, args: readonly string[] = []): Promise<void> {
  await endInOrder(dir, startProcess(dir, args))
}
