import { EngineError } from '../../models/engine-error.ts'

/** Bounds of one request. */
export type FetchLimits = {
  /** From the first byte asked to the last byte had: a server that drips is as late as one that hangs. */
  readonly timeoutMs: number
  /** Decoded bytes of a body that are read; what comes after is left unread. */
  readonly bodyBytesMax: number
}

/**
 * A server's answer. `refused`: it will answer the same however often it is asked (4xx but 429). A body that is not
 * `whole` was cut off at `bodyBytesMax`.
 */
export type Answer =
  | { readonly kind: 'body'; readonly bytes: Uint8Array; readonly whole: boolean }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }

/** What is kept of a refusal's body, for people to read. */
export const REFUSAL_BYTES_MAX = 500

/** Some venues refuse requests that do not name their sender. */
export const HEADERS = { accept: 'application/json', 'user-agent': 'tidebook' }

/**
 * Asks once. Throws an EngineError `venue-unreachable` where asking again can help: no connection, no whole answer in
 * time, 5xx, 429 (with `retry.afterMs` where the server names a time), a redirect. Aborting `stop` ends it at
 * once, with its reason.
 */
export async function fetchBody(
  url: string,
  limits: FetchLimits,
  about: { nowMs: () => number; stop: AbortSignal },
): Promise<Answer> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, limits.timeoutMs)
  about.stop.addEventListener('abort', end)
  try {
    about.stop.throwIfAborted()
    // A redirect is not followed: what another host says must not be stamped with this venue's name.
    const response = await fetch(url, { headers: HEADERS, redirect: 'manual', signal: ending.signal })
    return await answerOf(response, limits, about.nowMs)
  } catch (error) {
    about.stop.throwIfAborted()
    if (error instanceof EngineError) throw error
    const late = ending.signal.aborted
    throw unreachable(late ? `no whole answer within ${limits.timeoutMs} ms` : reasonOf(error), error)
  } finally {
    clearTimeout(timer)
    about.stop.removeEventListener('abort', end)
    ending.abort()
  }
}

async function answerOf(response: Response, limits: FetchLimits, nowMs: () => number): Promise<Answer> {
  const { status } = response
  if (response.ok) return { kind: 'body', ...(await readBody(response, limits.bodyBytesMax)) }
  if (status >= 400 && status < 500 && status !== 429) {
    const { bytes } = await readBody(response, REFUSAL_BYTES_MAX)
    return { kind: 'refused', status, message: new TextDecoder().decode(bytes) }
  }
  const afterMs = retryAfterMs(response.headers.get('retry-after'), nowMs())
  throw new EngineError('venue-unreachable', `answered ${status}`, {
    retry: afterMs === undefined ? 'yes' : { afterMs },
  })
}

/** The body's bytes, decoded, up to `bytesMax` of them. */
export async function readBody(
  response: Response,
  bytesMax: number,
): Promise<{ bytes: Uint8Array; whole: boolean }> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    length += chunk.length
    if (length > bytesMax) return { bytes: Buffer.concat(chunks).subarray(0, bytesMax), whole: false }
  }
  return { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), whole: true }
}

/** Milliseconds from `nowMs` that a Retry-After header asks for (seconds or an HTTP date), undefined where it says nothing. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const dateMs = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs)
}

function unreachable(message: string, cause: unknown): EngineError {
  return new EngineError('venue-unreachable', message, { retry: 'yes', cause })
}

/** fetch says "fetch failed" and keeps the reason one or two causes below. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (code !== undefined)
    return error.message.includes(code) ? error.message : `${code} ${error.message}`.trim()
  return error.cause === undefined ? error.message : reasonOf(error.cause)
}
