import type { Database as Connection } from 'better-sqlite3'
import type { LogRecord, OutgoingRecord, PartitionInfo, TopicPartition } from '../broker.ts'
import { rowChecksum } from './checksum.ts'
import type { Dictionary } from './dictionary.ts'
import { utf8 } from './utf8.ts'

/** Records whose text begins within this many bytes of the first make a batch: one big value at most goes over it. */
const BATCH_BYTES_MAX = 1024 * 1024
/** Around damage records are looked at one by one, so many at a time. */
const DAMAGED_RECORDS_MAX = 16

export type Dictionaries = { readonly keys: Dictionary; readonly runs: Dictionary }

/** [time_ms, key_id, run_id, n, bytes, crc, headers, value, offset], read as text and written as its bytes. */
type RowOf<Text> = [number, number | null, number | null, number, number, number, Text | null, Text, number]
type Row = RowOf<string>
type Range = { readonly from: number; readonly to: number }

/**
 * One partition's records: a table of the log file, dense in offsets from its start to its end. (A class and not closures:
 * its methods are compiled once, not once for each of a thousand partitions.)
 */
export class Partition {
  readonly tp: TopicPartition
  readonly #dictionaries: Dictionaries
  readonly #sql: Statements

  constructor(db: Connection, id: number, tp: TopicPartition, dictionaries: Dictionaries) {
    this.tp = tp
    this.#dictionaries = dictionaries
    this.#sql = prepare(db, id)
  }

  /** Appends in order. Only within a transaction; durable when that commits. */
  append(records: readonly OutgoingRecord[], timeMs: number): void {
    const { keys, runs } = this.#dictionaries
    const { insert } = this.#sql
    let [offset, bytes] = this.#end()
    for (const { key, run, n, headers: about, value: text } of records) {
      const keyId = key === null ? null : keys.idOf(key)
      const runId = runs.idOf(run)
      const headers = about === undefined ? null : Buffer.from(JSON.stringify(about))
      const value = utf8(text)
      const crc = rowChecksum({ offset, timeMs, keyId, runId, n, bytes, headers, value })
      insert.run(timeMs, keyId, runId, n, bytes, crc, headers, value, offset)
      bytes += value.length + (headers?.length ?? 0)
      offset++
    }
  }

  /** At most `recordsMax` records, and about 1 MiB, from `from` on, or from the oldest kept if that is later. */
  read(from: number, recordsMax: number): LogRecord[] {
    const rows = this.#sql.selectBatch.all({ from, to: from + recordsMax })
    const last = rows.at(-1)
    if (last === undefined || last[8] !== from + rows.length - 1) return this.#readCarefully(from, recordsMax)
    const records: LogRecord[] = new Array(rows.length)
    for (let i = 0; i < rows.length; i++) records[i] = recordOf(rows[i]!, from + i, this.#dictionaries)
    return records
  }

  /** The fast query did not answer densely: the log begins later, ends here, or is damaged here. */
  #readCarefully(from: number, recordsMax: number): LogRecord[] {
    const start = this.#start()
    if (start > from) return this.read(start, recordsMax)
    const to = Math.min(from + Math.min(recordsMax, DAMAGED_RECORDS_MAX), this.endOffset())
    const rows = new Map(this.#sql.selectRange.all({ from, to }).map((row) => [row[8], row]))
    const records: LogRecord[] = []
    for (let offset = from; offset < to; offset++) {
      const row = rows.get(offset)
      records.push(row === undefined ? corruptRecord(offset) : recordOf(row, offset, this.#dictionaries))
    }
    return records
  }

  /**
   * Offset of the first record appended at or after `timeMs`; else the end. Exact unless the clock was set back while this
   * partition was written: then the answer is one of the places where its times go from before `timeMs` to it or later, and
   * there may be such a place before it.
   */
  offsetAt(timeMs: number): number {
    let [low, high] = [this.#start(), this.endOffset()]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#sql.selectTimeFrom.get(middle)! < timeMs) low = middle + 1
      else high = middle
    }
    return low
  }

  endOffset(): number {
    return this.#sql.selectEndOffset.get() ?? this.#start()
  }

  info(): PartitionInfo {
    const [startOffset, [endOffset, bytes]] = [this.#start(), this.#end()]
    const bytesBefore = this.#sql.selectBytesFrom.get(startOffset) ?? bytes
    return { partition: this.tp.partition, startOffset, endOffset, bytes: bytes - bytesBefore }
  }

  /**
   * Drops records from the old end that are beyond either bound, at most `recordsMax`, never the newest one: its offset is
   * where the next one goes on from. Answers how many. Only within a transaction.
   */
  drop({ timeMs, keepBytes, recordsMax }: { timeMs: number; keepBytes: number; recordsMax: number }): number {
    const [from, [endOffset, bytes]] = [this.#start(), this.#end()]
    // Going up from the oldest and stopping at the first to keep: a clock that once ran wild can only make us keep more.
    const to = Math.min(from + recordsMax, endOffset - 1)
    const first = this.#sql.selectFirstKept.get({ from, to, timeMs, bytes: bytes - keepBytes }) ?? to
    if (first <= from) return 0
    this.#sql.deleteBefore.run(first)
    this.#sql.updateStart.run(first)
    return first - from
  }

  #start(): number {
    return this.#sql.selectStart.get()!
  }

  /** Offset of the next record, and the bytes of all that ever stood before it. */
  #end(): [offset: number, bytes: number] {
    return this.#sql.selectEnd.get() ?? [this.#start(), 0]
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(db: Connection, id: number) {
  const table = `records_${id}`
  const columns = 'time_ms, key_id, run_id, n, bytes, crc, headers, value, "offset"'
  const range = '"offset" >= @from AND "offset" < @to'
  const first = (column: string) =>
    db
      .prepare<[number], number>(
        `SELECT ${column} FROM ${table} WHERE "offset" >= ? ORDER BY "offset" LIMIT 1`,
      )
      .pluck()
  return {
    insert: db.prepare<RowOf<Buffer>>(
      `INSERT INTO ${table} (${columns}) VALUES (?, ?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), ?)`,
    ),
    selectBatch: db
      .prepare<[Range], Row>(
        `SELECT ${columns} FROM ${table} WHERE ${range}
         AND bytes <= (SELECT bytes FROM ${table} WHERE "offset" = @from) + ${BATCH_BYTES_MAX} ORDER BY "offset"`,
      )
      .raw(),
    selectRange: db
      .prepare<[Range], Row>(`SELECT ${columns} FROM ${table} WHERE ${range} ORDER BY "offset"`)
      .raw(),
    selectEnd: db
      .prepare<[], [number, number]>(
        `SELECT "offset" + 1, bytes + octet_length(value) + ifnull(octet_length(headers), 0)
         FROM ${table} ORDER BY "offset" DESC LIMIT 1`,
      )
      .raw(),
    selectEndOffset: db.prepare<[], number | null>(`SELECT max("offset") + 1 FROM ${table}`).pluck(),
    selectBytesFrom: first('bytes'),
    selectTimeFrom: first('time_ms'),
    selectFirstKept: db
      .prepare<[Range & { timeMs: number; bytes: number }], number>(
        `SELECT "offset" FROM ${table} WHERE ${range} AND time_ms >= @timeMs AND bytes >= @bytes
         ORDER BY "offset" LIMIT 1`,
      )
      .pluck(),
    deleteBefore: db.prepare<[number]>(`DELETE FROM ${table} WHERE "offset" < ?`),
    selectStart: db.prepare<[], number>(`SELECT start_offset FROM partitions WHERE id = ${id}`).pluck(),
    updateStart: db.prepare<[number]>(`UPDATE partitions SET start_offset = ? WHERE id = ${id}`),
  }
}

function recordOf(row: Row, offset: number, { keys, runs }: Dictionaries): LogRecord {
  const [timeMs, keyId, runId, n, , crc, headers, value] = row
  const key = keyId === null ? null : keys.textOf(keyId)
  const run = runId === null ? null : runs.textOf(runId)
  if (row[8] !== offset || key === undefined || run === undefined || checksumOf(row) !== crc) {
    return corruptRecord(offset)
  }
  return {
    offset,
    key,
    run,
    n,
    appendedAtMs: timeMs,
    headers: headers === null ? null : JSON.parse(headers),
    value,
    corrupt: false,
  }
}

/** Undefined where a column is not even of its type. */
function checksumOf([timeMs, keyId, runId, n, bytes, , headers, value, offset]: Row): number | undefined {
  if (typeof value !== 'string' || (headers !== null && typeof headers !== 'string')) return undefined
  const headerBytes = headers === null ? null : Buffer.from(headers)
  return rowChecksum({ offset, timeMs, keyId, runId, n, bytes, headers: headerBytes, value: utf8(value) })
}

function corruptRecord(offset: number): LogRecord {
  return { offset, key: null, run: null, n: null, appendedAtMs: 0, headers: null, value: null, corrupt: true }
}
