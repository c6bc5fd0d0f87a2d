import { EngineError } from '../models/engine-error.ts'

/**
 * A sink's failure in words that hold no secret. A webhook's address and a mail server's password are secrets, and both
 * may stand in the message of what failed: only codes are repeated, and the cause is left behind.
 */
export function sinkFailed(sink: string, what: string, afterMs?: number): EngineError {
  return new EngineError('sink-failed', `${sink}: ${what}`, {
    retry: afterMs === undefined ? 'yes' : { afterMs },
  })
}

/** ECONNREFUSED, EAUTH, UND_ERR_SOCKET ...: the first code in an error or its causes. */
export function failureCode(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.cause === undefined ? error.name : failureCode(error.cause)
}
