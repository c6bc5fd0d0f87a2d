import { Kysely, PostgresDialect } from 'kysely'
import type { OutboxMessage } from '../models/outbox-message.ts'
import { BEFORE_ALL_SAMPLES } from './old-samples.ts'
import { letOthersRun, pacer } from './pacer.ts'
import {
  openReadPool,
  PostgresConnection,
  type PostgresLog,
  type Transaction,
} from './postgres/connection.ts'
import { claimAll, moveReaders, readersOf, touch } from './postgres/readers.ts'
import { type Batch, batchesOf, keyArrays, Replay } from './postgres/rows.ts'
import { selectByKeys } from './postgres/schema.ts'
import {
  dropOldSamples,
  dropShadows,
  ensureStore,
  ensureTables,
  forgetLineage,
  freshTable,
  swapShadow,
} from './postgres/tables.ts'
import { rowsTable, storedFromSql } from './rows-table.ts'
import {
  type Commit,
  type FeedName,
  markKept,
  type PendingMessage,
  type RebuildRequest,
  type Store,
  type Stored,
} from './store.ts'
import { type Key, type SqlValue, storable, type Table } from './table.ts'
import type { Views } from './views.ts'

/** Statements on their way while the next is made ready: the server and we work at the same time. */
const BATCHES_ON_THE_WAY = 4

type AnyTable = Table<unknown>

export type PostgresStoreOptions = {
  /** `postgres://user:password@host:5432/database`. The tables stand in the first schema of the search_path. */
  readonly url: string
  readonly monotonicMs: () => number
  /** Told when a transaction was tried again. */
  readonly log?: PostgresLog
}

/**
 * A store that many processes share. Each keeps one connection for its commits, and a few for reading. Rejects with an
 * EngineError: `store-unreachable` where the server is away (worth another try) or does not let us in (not worth one),
 * `store-foreign` or `store-newer` where other tables stand there.
 *
 * A call that ends in `store-unreachable` may have landed or not. Whoever made it drops what it knows and claims again:
 * epochs and expected positions see to it that nothing counts twice.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url, monotonicMs, log } = options
  const connection = new PostgresConnection(url, log)
  try {
    await connection.transaction((tx) => ensureStore(tx, connection.place))
  } catch (error) {
    await connection.close()
    throw error
  }
  const db = new Kysely<Views>({
    dialect: new PostgresDialect({ pool: openReadPool(url, connection.place) }),
  })
  const alone = { long: true }
  const inOne = connection.transaction.bind(connection)
  let samplesFrom = BEFORE_ALL_SAMPLES

  return {
    db,
    ensureTables: (tables) => inOne((tx) => ensureTables(tx, tables), alone),
    claim: (requests) =>
      inOne(async (tx) => {
        const claims = await claimAll(tx, requests)
        await dropShadows(tx, claims)
        return claims
      }),
    fetch: (table, keys) => fetchRows(connection, table, keys),
    latestStarts: async (table, fromMs) => {
      const text = `SELECT feed, max(start_ms) FROM ${rowsTable(table.name)} WHERE start_ms >= $1 GROUP BY feed`
      const { rows } = await connection.run({ name: `latest of ${table.name}`, text }, [fromMs])
      return new Map(rows as [number, number][])
    },
    commit: async (commit) => {
      const batches = new Replay(batchesOf(commit.rows))
      const fenced = await inOne((tx) => commitAll(tx, commit, batches, pacer(monotonicMs)))
      if (fenced.length === 0) markKept(commit)
      await letOthersRun()
      return { fenced }
    },
    readerState: async (partition, reader) =>
      (await readersOf(connection, [partition])).get(partition)!.find((state) => state.reader === reader),
    freshTable: (table) => inOne((tx) => freshTable(tx, table)),
    dropTable: async (table) => {
      await connection.run(`DROP TABLE IF EXISTS ${rowsTable(table.name)}`)
    },
    swapShadow: (table, shadow, { id, epoch }, logStart) =>
      inOne(async (tx) => {
        if (!(await touch(tx, id, epoch))) return false
        await swapShadow(tx, table, shadow, id, logStart)
        return true
      }, alone),
    countForRebuild: async (table, partition, logStart) => {
      const text = `SELECT count(*) FILTER (WHERE first_offset < $2), count(*) FILTER (WHERE first_offset >= $2)
        FROM ${rowsTable(table.name)} WHERE partition_id = $1`
      const { rows } = await connection.run({ name: `count ${table.name}`, text }, [partition, logStart])
      const [kept, replaced] = rows[0] as [number, number]
      return { kept, replaced }
    },
    forgetLineage: (tables, partition, end) =>
      inOne((tx) => forgetLineage(tx, tables, partition, end), alone),
    settings: settingsOf(connection),
    outbox: outboxOf(connection),
    requests: requestsOf(connection),
    applyRetention: async () => {
      samplesFrom = await inOne((tx) => dropOldSamples(tx, samplesFrom))
    },
    close: async () => {
      await connection.close()
      await db.destroy()
    },
  }
}

/** Answers the partitions that are not ours any more; then nothing lands. */
async function commitAll(
  tx: Transaction,
  { partitions, feeds, outbox }: Commit,
  batches: Iterable<Batch>,
  pace: () => Promise<void> | undefined,
): Promise<readonly number[]> {
  const fenced = await moveReaders(tx, partitions)
  if (fenced.length > 0) {
    tx.undo()
    return fenced
  }
  if (feeds.length > 0) writeFeeds(tx, feeds)
  const onTheWay: Promise<unknown>[] = []
  for (const { statement, values } of batches) {
    if (onTheWay.length === BATCHES_ON_THE_WAY) await onTheWay.shift()
    onTheWay.push(tx.run(statement, values))
    await pace()
  }
  if (outbox.length > 0) writeMessages(tx, outbox)
  return []
}

/** In the order of ids, as everybody does: two who meet the same feeds at once wait for each other, never in a circle. */
function writeFeeds(tx: Transaction, feeds: readonly FeedName[]): void {
  const inOrder = [...feeds].sort((a, b) => a.id - b.id)
  const text = `INSERT INTO feeds(id, venue, source, product)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING`
  tx.run({ name: 'write feeds', text }, [
    inOrder.map(({ id }) => id),
    inOrder.map(({ venue }) => venue),
    inOrder.map(({ source }) => source),
    inOrder.map(({ product }) => product),
  ])
}

function writeMessages(tx: Transaction, messages: readonly OutboxMessage[]): void {
  const text = `INSERT INTO outbox(id, kind, payload)
    SELECT id, kind, payload FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS m(id, kind, payload, place)
    ORDER BY place ON CONFLICT DO NOTHING`
  tx.run({ name: 'write messages', text }, [
    messages.map(({ id }) => storable(id)),
    messages.map(({ kind }) => kind),
    messages.map(({ payload }) => JSON.stringify(payload)),
  ])
}

async function fetchRows(
  connection: PostgresConnection,
  table: AnyTable,
  keys: readonly Key[],
): Promise<(Stored<unknown> | undefined)[]> {
  const found = new Array<Stored<unknown> | undefined>(keys.length).fill(undefined)
  const { rows } = await connection.run(selectByKeys(table), keyArrays(table, keys))
  for (const [place, ...values] of rows as [number, ...SqlValue[]][]) {
    found[place - 1] = storedFromSql(table, values)
  }
  return found
}

function settingsOf(connection: PostgresConnection): Store['settings'] {
  const keep = `INSERT INTO meta VALUES ('settings', $1) ON CONFLICT (name) DO`
  const get = async (): Promise<string | undefined> => {
    const { rows } = await connection.run(`SELECT value FROM meta WHERE name = 'settings'`)
    return rows[0]?.[0] as string | undefined
  }
  return {
    get,
    keepFirst: async (text) => {
      await connection.run({ name: 'keep first settings', text: `${keep} NOTHING` }, [text])
      return (await get()) ?? text
    },
    set: async (text) => {
      await connection.run({ name: 'set settings', text: `${keep} UPDATE SET value = excluded.value` }, [
        text,
      ])
    },
  }
}

function outboxOf(connection: PostgresConnection): Store['outbox'] {
  return {
    pending: async (kinds, max) => {
      const text = `SELECT id, kind, payload, done_by FROM outbox WHERE delivered = 0 AND kind = ANY($1::text[])
        ORDER BY seq LIMIT $2`
      const { rows } = await connection.run({ name: 'pending', text }, [kinds, max])
      return (rows as [string, OutboxMessage['kind'], string, string][]).map(pendingMessage)
    },
    done: (ids, sink, sinks) =>
      connection.transaction(async (tx) => {
        const text = 'SELECT id, done_by FROM outbox WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE'
        const { rows } = await tx.run({ name: 'lock messages', text }, [ids])
        for (const [id, before] of rows as [string, string][]) {
          const doneBy = new Set(JSON.parse(before) as string[]).add(sink)
          // What everybody has is kept by its id alone: a record that was rejected may weigh a megabyte.
          const isDelivered = sinks.every((name) => doneBy.has(name))
          const payload = isDelivered ? `, delivered = 1, payload = 'null'` : ''
          const update = `UPDATE outbox SET done_by = $2${payload} WHERE id = $1`
          tx.run({ name: `done${isDelivered ? ' by all' : ''}`, text: update }, [
            id,
            JSON.stringify([...doneBy]),
          ])
        }
      }),
  }
}

function pendingMessage([id, kind, payload, doneBy]: [
  string,
  OutboxMessage['kind'],
  string,
  string,
]): PendingMessage {
  return { id, kind, payload: JSON.parse(payload) as unknown, doneBy: JSON.parse(doneBy) as string[] }
}

function requestsOf(connection: PostgresConnection): Store['requests'] {
  return {
    rebuilds: async () => {
      const { rows } = await connection.run({
        name: 'rebuilds',
        text: 'SELECT processor, partition FROM rebuild_requests ORDER BY processor, partition',
      })
      return (rows as [string, number][]).map(
        ([processor, partition]): RebuildRequest => ({ processor, partition }),
      )
    },
    askRebuild: async (processor, partitions) => {
      const text = `INSERT INTO rebuild_requests SELECT $1, unnest($2::bigint[]) ON CONFLICT DO NOTHING`
      await connection.run({ name: 'ask rebuild', text }, [processor, partitions])
    },
    rebuilt: async ({ processor, partition }) => {
      const text = 'DELETE FROM rebuild_requests WHERE processor = $1 AND partition = $2'
      await connection.run({ name: 'rebuilt', text }, [processor, partition])
    },
  }
}
