import { appendFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { EngineError } from '../../models/engine-error.ts'
import { tpName } from '../broker.ts'
import type { SpooledRecord } from './segment.ts'

/** Beyond it records that are refused are only told of: a far side that refuses so many wants somebody to look. */
const REFUSED_BYTES_MAX = 64 * 1024 * 1024

/** Keeps a record that the far side will not have as a line of JSON in `<dir>/refused.jsonl`, and says so. */
export function setAside(
  { record, error }: { record: SpooledRecord; error: EngineError },
  { dir, log }: { dir: string; log: Logger },
): void {
  const path = join(dir, 'refused.jsonl')
  const { key, run, n } = record
  const about = { to: tpName(record), key, run, n, path, err: error }
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size > REFUSED_BYTES_MAX) throw new Error(`${path} is full`)
    appendFileSync(path, `${JSON.stringify({ ...record, error: error.message })}\n`)
    log.error(about, `the broker refuses a record of ${tpName(record)}: it is set aside in ${path}`)
  } catch (failure) {
    log.error(
      { ...about, failure },
      `the broker refuses a record of ${tpName(record)}, and it could not be set aside: it is lost`,
    )
  }
}
