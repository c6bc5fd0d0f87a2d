/** Everything that can break its promise, as a closed list. Bad input is not here: it is a rejection. */
export type ErrorCode =
  | 'bad-config'
  | 'usage'
  | 'lock-held'
  | 'log-corrupt'
  | 'log-foreign'
  | 'log-newer'
  | 'log-lost'
  | 'log-missing'
  | 'store-corrupt'
  | 'store-foreign'
  | 'store-newer'
  | 'store-missing'
  | 'store-fingerprint'
  | 'store-unreachable'
  | 'broker-unreachable'
  | 'broker-refused'
  | 'spool-full'
  | 'disk-full'
  | 'disk-failed'
  | 'fenced'
  | 'overloaded'
  | 'closed'
  | 'venue-unreachable'
  | 'venue-refused'
  | 'sink-failed'
  | 'tool-missing'
  | 'service-failed'
  | 'bug'

/** A broken promise: what broke, whether trying again can help, and what the operator can do. */
export class EngineError extends Error {
  readonly code: ErrorCode
  readonly retry: 'yes' | 'no' | { readonly afterMs: number }
  readonly hint: string | undefined

  constructor(
    code: ErrorCode,
    message: string,
    about: { retry?: 'yes' | 'no' | { afterMs: number }; hint?: string; cause?: unknown } = {},
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.name = 'EngineError'
    this.code = code
    this.retry = about.retry ?? 'no'
    this.hint = about.hint
  }
}
