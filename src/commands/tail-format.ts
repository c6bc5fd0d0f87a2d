import { cut, oneLine } from '../alerts/plain-text.ts'
import { type LogRecord, type TopicPartition, tpName } from '../broker/broker.ts'
import { EngineError } from '../models/engine-error.ts'
import { isoTime } from '../models/time.ts'

/** How records are written: around them, and each. */
export type Rendering = {
  readonly head: string
  record(tp: TopicPartition, record: LogRecord): string
  readonly foot: string
  /** Whether a damaged record is marked as one; otherwise there is no place to, and it is for standard error. */
  readonly marksDamage: boolean
}

/** A line of the table has so much of a value: what fits beside the rest on a wide screen. */
const TABLE_VALUE_CHARS_MAX = 120

/**
 * `table`, `json`, `ndjson`, `value`, or a template such as `'%p %o %k %v\n'`. To be used for one run: `json` remembers
 * whether it has begun its list. Throws EngineError `usage`.
 */
export function renderingOf(format: string): Rendering {
  if (/[%\\]/.test(format)) return template(format)
  const named = NAMED[format]
  if (named !== undefined) return named()
  throw new EngineError(
    'usage',
    `-f got ${JSON.stringify(format)}, expected ${Object.keys(NAMED).join(', ')} or a template`,
    { hint: "a template has percent signs: -f '%t %p %o %k %v\\n'" },
  )
}

const NAMED: Readonly<Record<string, () => Rendering>> = {
  table: () => ({ head: '', record: tableLine, foot: '', marksDamage: true }),
  json: jsonList,
  ndjson: () => ({
    head: '',
    record: (tp, record) => `${jsonText(tp, record)}\n`,
    foot: '',
    marksDamage: true,
  }),
  value: () => template('%v\\n'),
}

function jsonList(): Rendering {
  let comma = ''
  return {
    head: '[',
    record(tp, record) {
      const text = `${comma}\n${jsonText(tp, record)}`
      comma = ','
      return text
    },
    foot: '\n]\n',
    marksDamage: true,
  }
}

/** Bytes that are no text stand in base64 under `bytes`; of a damaged record there is only its place. */
function jsonText(tp: TopicPartition, record: LogRecord): string {
  const { topic, partition } = tp
  const { offset, appendedAtMs, key, run, n, headers, value, bytes, corrupt } = record
  if (corrupt) return JSON.stringify({ topic, partition, offset, corrupt })
  const all = { topic, partition, offset, appendedAtMs, key, run, n, headers, value }
  return JSON.stringify(bytes === undefined ? all : { ...all, bytes: base64(bytes) })
}

/** One line a record, safe for a terminal whatever is in it. */
function tableLine(tp: TopicPartition, record: LogRecord): string {
  const place = `${tpName(tp)}@${record.offset}`
  if (record.corrupt) return `${place}   (damaged)\n`
  const value = record.bytes === undefined ? record.value : `(${record.bytes.length} bytes, not text)`
  const cells = [place, isoTime(record.appendedAtMs), record.key ?? '-', value ?? '-']
  return `${cells.map((cell) => oneLine(cut(cell, TABLE_VALUE_CHARS_MAX))).join('   ')}\n`
}

type Part = (tp: TopicPartition, record: LogRecord) => string

const VERBS: Readonly<Record<string, Part>> = {
  '%t': ({ topic }) => topic,
  '%p': ({ partition }) => String(partition),
  '%o': (_, { offset }) => String(offset),
  '%k': (_, { key }) => key ?? '',
  '%v': (_, { value, bytes }) => (bytes === undefined ? (value ?? '') : base64(bytes)),
  '%h': (_, { headers }) =>
    Object.entries(headers ?? {})
      .map((pair) => pair.join('='))
      .join(','),
  '%d': (_, { appendedAtMs }) => String(appendedAtMs),
  '%%': () => '%',
  '\\n': () => '\n',
  '\\t': () => '\t',
  '\\r': () => '\r',
  '\\\\': () => '\\',
}

function template(format: string): Rendering {
  const parts = (format.match(/[%\\].?|[^%\\]+/gsu) ?? []).map((text): Part => {
    if (!/^[%\\]/.test(text)) return () => text
    const verb = VERBS[text]
    if (verb !== undefined) return verb
    throw new EngineError('usage', `-f got ${text}, expected ${Object.keys(VERBS).join(' ')}`)
  })
  return {
    head: '',
    record: (tp, record) => parts.map((part) => part(tp, record)).join(''),
    foot: '',
    marksDamage: false,
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
