import { READER_COLUMNS, type ReaderRow, readerFrom } from '../reader-row.ts'
import {
  type Claim,
  type ClaimRequest,
  idOf,
  type PartitionCommit,
  type ReaderState,
  textOf,
} from '../store.ts'
import { storable } from '../table.ts'
import type { Transaction } from './connection.ts'

/**
 * Positions, epochs and what readers know: the bookkeeping half of a commit. The row of a partition is the fence: whoever
 * claims or commits locks it first, in the order of ids, so that of two only one goes on and nobody waits in a circle.
 */

/** What a transaction does with many partitions, it does in one statement: an array a column, in the order of ids. */
export async function claimAll(tx: Transaction, requests: readonly ClaimRequest[]): Promise<Claim[]> {
  const ids = requests.map(({ topic, partition }) => idOf(topic, partition))
  const asked = [ids, column(requests, 'topic'), column(requests, 'partition'), column(requests, 'logId')]
  const claimed = await tx.run(CLAIM, asked)
  const [readers, follows] = await Promise.all([readersOf(tx, ids), tx.run(FOLLOWS, [ids])])
  const known = new Map(claimed.rows.map((row) => [row[0], row as [number, number, string]]))
  return requests.map((request, i) => {
    const id = ids[i]!
    const [, epoch, knownLogId] = known.get(id)!
    const own = follows.rows.filter(([partition]) => partition === id) as [number, string, string][]
    const processors = new Map(own.map(([, processor, reader]) => [processor, reader]))
    return { ...request, id, epoch, knownLogId, readers: readers.get(id) ?? [], processors }
  })
}

const CLAIM = {
  name: 'claim',
  text: `INSERT INTO partitions(id, topic, partition, log_id, epoch)
    SELECT c.id, c.topic, c.partition, c.log_id, 1
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) AS c(id, topic, partition, log_id) ORDER BY c.id
    ON CONFLICT (id) DO UPDATE SET epoch = partitions.epoch + 1 RETURNING id, epoch, log_id`,
}

const FOLLOWS = {
  name: 'follows',
  text: 'SELECT partition, processor, reader FROM processors WHERE partition = ANY($1::bigint[])',
}

/** The readers of partitions, as they were last committed, by the partitions' ids. */
export async function readersOf(
  tx: Pick<Transaction, 'run'>,
  partitions: readonly number[],
): Promise<Map<number, ReaderState[]>> {
  const [readers, runs] = await Promise.all([tx.run(READERS, [partitions]), tx.run(RUNS, [partitions])])
  const states = new Map<number, ReaderState[]>(partitions.map((id) => [id, []]))
  for (const [partition, ...row] of readers.rows as [number, ...ReaderRow][]) {
    const own = (runs.rows as [number, string, string, number][]).filter(
      ([id, name]) => id === partition && name === row[0],
    )
    states.get(partition)!.push(
      readerFrom(
        row,
        own.map(([, , run, n]) => [run, n]),
      ),
    )
  }
  return states
}

const READERS = {
  name: 'readers',
  text: `SELECT partition, ${READER_COLUMNS}
    FROM readers WHERE partition = ANY($1::bigint[]) ORDER BY partition, reader`,
}

const RUNS = {
  name: 'runs',
  text: `SELECT partition, reader, run, last_n FROM reader_runs WHERE partition = ANY($1::bigint[])
    ORDER BY partition, reader, run`,
}

/**
 * Locks partitions and moves their readers. Answers the partitions whose epoch is no longer ours, or whose readers do not
 * stand where we left them: where there are any, the transaction is to be rolled back.
 */
export async function moveReaders(tx: Transaction, commits: readonly PartitionCommit[]): Promise<number[]> {
  const partitions = [...commits].sort((a, b) => a.id - b.id)
  const ids = column(partitions, 'id')
  tx.run(LOCK, [ids])
  const ours = tx.run(TOUCH, [ids, column(partitions, 'epoch'), column(partitions, 'logId')])
  end(tx, partitions)
  const moves = partitions.flatMap(({ id, readers }) => readers.map((state) => ({ id, state })))
  const moved = moves.length === 0 ? [] : [write(tx, MOVE, moves), write(tx, BEGIN, moves)]
  follow(tx, partitions)
  const touched = new Set((await ours).rows.map(([id]) => id))
  const landed = (await Promise.all(moved)).flatMap(({ rows }) => rows)
  const readersOfId = (id: number): number => landed.filter(([partition]) => partition === id).length
  return partitions
    .filter(({ id, readers }) => !touched.has(id) || readersOfId(id) !== readers.length)
    .map(({ id }) => id)
}

/** Whether nobody has claimed the partition since; it stays locked until the transaction ends. */
export async function touch(tx: Transaction, id: number, epoch: number): Promise<boolean> {
  const { count } = await tx.run(
    { name: 'touch one', text: 'UPDATE partitions SET version = version + 1 WHERE id = $1 AND epoch = $2' },
    [id, epoch],
  )
  return count === 1
}

const LOCK = {
  name: 'lock',
  text: 'SELECT id FROM partitions WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE',
}

const TOUCH = {
  name: 'touch',
  text: `UPDATE partitions p SET log_id = c.log_id, version = p.version + 1
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS c(id, epoch, log_id)
    WHERE p.id = c.id AND p.epoch = c.epoch RETURNING p.id`,
}

const MOVED = `unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::json[], $11::json[])
    AS c(partition, reader, kept, position, first, duplicate, too_late, foreign_records, lost, counts, progress)`

/** Readers that are there move only from where they were left; those that are not must not be there. */
const MOVE = {
  name: 'move readers',
  text: `UPDATE readers r SET position = c.position, first = c.first, duplicate = c.duplicate, too_late = c.too_late,
      foreign_records = c.foreign_records, lost = c.lost, counts = c.counts, progress = c.progress
    FROM ${MOVED} WHERE r.partition = c.partition AND r.reader = c.reader AND r.position = c.kept RETURNING r.partition`,
}

const BEGIN = {
  name: 'begin readers',
  text: `INSERT INTO readers SELECT c.partition, c.reader, c.position, c.first, c.duplicate, c.too_late, c.foreign_records,
      c.lost, c.counts, c.progress FROM ${MOVED} WHERE c.kept IS NULL ON CONFLICT DO NOTHING RETURNING partition`,
}

type Move = { readonly id: number; readonly state: ReaderState }

function write(tx: Transaction, statement: typeof MOVE, moves: readonly Move[]) {
  const of = (value: (state: ReaderState) => unknown) => moves.map(({ state }) => value(state))
  return tx.run(statement, [
    moves.map(({ id }) => id),
    of(({ reader }) => reader),
    of(({ kept }) => kept),
    of(({ position }) => position),
    of(({ first }) => first),
    of(({ duplicate }) => duplicate),
    of(({ tooLate }) => tooLate),
    of(({ foreign }) => foreign),
    of(({ lost }) => lost),
    of(({ counts }) => textOf(counts)),
    of(({ progress }) => textOf(progress)),
  ])
}

function follow(tx: Transaction, partitions: readonly PartitionCommit[]): void {
  const runs = partitions.flatMap(({ id, readers }) =>
    readers.flatMap(({ reader, runs, runsMoved }) =>
      [...runsMoved].map((run) => ({ id, reader, run: storable(run), n: runs.get(run)! })),
    ),
  )
  if (runs.length > 0) {
    tx.run(KEEP_RUNS, [column(runs, 'id'), column(runs, 'reader'), column(runs, 'run'), column(runs, 'n')])
  }
  const links = partitions.flatMap(({ id, follow }) => follow.map((link) => ({ id, ...link })))
  if (links.length > 0) {
    tx.run(LINK, [column(links, 'id'), column(links, 'processor'), column(links, 'reader')])
  }
}

const KEEP_RUNS = {
  name: 'keep runs',
  text: `INSERT INTO reader_runs SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
    ON CONFLICT (partition, reader, run) DO UPDATE SET last_n = excluded.last_n`,
}

const LINK = {
  name: 'link processors',
  text: `INSERT INTO processors SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
    ON CONFLICT (partition, processor) DO UPDATE SET reader = excluded.reader`,
}

function end(tx: Transaction, partitions: readonly PartitionCommit[]): void {
  const ended = partitions.flatMap(({ id, ended }) => ended.map((reader) => ({ id, reader })))
  if (ended.length === 0) return
  for (const table of ['readers', 'reader_runs', 'processors']) {
    const text = `DELETE FROM ${table} r USING unnest($1::bigint[], $2::text[]) AS c(partition, reader)
      WHERE r.partition = c.partition AND r.reader = c.reader`
    tx.run({ name: `end ${table}`, text }, [column(ended, 'id'), column(ended, 'reader')])
  }
}

function column<T, Name extends keyof T>(rows: readonly T[], name: Name): T[Name][] {
  return rows.map((row) => row[name])
}
