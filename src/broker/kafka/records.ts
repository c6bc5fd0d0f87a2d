import { isAscii, isUtf8 } from 'node:buffer'
import type { LogRecord } from '../broker.ts'

/** A record as kafkajs hands it over. */
export type KafkaRecord = {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: KafkaHeaders | undefined
  /** The end of somebody's transaction: it takes an offset and carries nothing of its own. */
  readonly isControlRecord?: boolean
}
export type KafkaHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined | null>>

/** Headers of ours beside those a record brings along. */
export const RUN_HEADER = 'run'
export const N_HEADER = 'n'

const ZERO = 48
const NINE = 57

/**
 * Records of Kafka to records of ours; anybody may have written them. What ends a transaction becomes a record of nothing,
 * so that offsets stay dense. Nothing is said about checksums: the broker checked them when it took the record.
 */
export function logRecords(records: readonly KafkaRecord[]): LogRecord[] {
  return records.map(logRecord)
}

function logRecord(record: KafkaRecord): LogRecord {
  if (record.isControlRecord === true) return emptyRecord(Number(record.offset), Number(record.timestamp))
  const { value, key, headers } = record
  const text = value === null ? null : textOf(value)
  const made: LogRecord = {
    offset: Number(record.offset),
    key: key === null ? null : textOf(key),
    run: headers === undefined ? null : runOf(headers[RUN_HEADER]),
    n: headers === undefined ? null : nOf(headers[N_HEADER]),
    appendedAtMs: Number(record.timestamp),
    headers: headers === undefined ? null : otherHeaders(headers),
    value: text,
    corrupt: false,
  }
  // A copy: the buffer is a part of everything that came with it.
  return value !== null && text === null ? { ...made, bytes: Uint8Array.from(value) } : made
}

/** A record of nothing: what takes an offset without being a record to anybody. */
function emptyRecord(offset: number, appendedAtMs: number): LogRecord {
  return { offset, key: null, run: null, n: null, appendedAtMs, headers: null, value: null, corrupt: false }
}

/** Null where it is not UTF-8. Nearly all of ours is ASCII, which is read three times as fast. */
function textOf(bytes: Buffer): string | null {
  if (isAscii(bytes)) return bytes.toString('latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : null
}

let lastRunBytes = Buffer.alloc(0)
let lastRun = ''

/** Records of one run come in long rows: the text of the last is kept. */
function runOf(header: KafkaHeaders[string]): string | null {
  if (!Buffer.isBuffer(header) || header.length === 0) return null
  if (header.equals(lastRunBytes)) return lastRun
  const text = textOf(header)
  if (text === null) return null
  lastRunBytes = Buffer.from(header)
  lastRun = text
  return text
}

/** A positive whole number in plain digits, else null. */
function nOf(header: KafkaHeaders[string]): number | null {
  if (!Buffer.isBuffer(header) || header.length === 0) return null
  let n = 0
  for (const digit of header) {
    if (digit < ZERO || digit > NINE) return null
    n = n * 10 + (digit - ZERO)
  }
  return n > 0 && Number.isSafeInteger(n) ? n : null
}

function otherHeaders(headers: KafkaHeaders): Record<string, string> | null {
  let others: [string, string][] | undefined
  for (const name in headers) {
    if (name === RUN_HEADER || name === N_HEADER) continue
    others ??= []
    others.push([name, headerText(headers[name])])
  }
  return others === undefined ? null : Object.fromEntries(others)
}

/** Of a header that comes more than once, the last. Bytes that are no text are shown as far as they can be. */
function headerText(header: KafkaHeaders[string]): string {
  const last = Array.isArray(header) ? header.at(-1) : header
  return last === undefined || last === null ? '' : last.toString()
}
