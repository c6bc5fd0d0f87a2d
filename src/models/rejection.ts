import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { z } from 'zod'
import { SourceId, TimeMs, VenueId } from './scalars.ts'

/**
 * Input that could not be used. A rejection is data: it travels on its own topic, is counted, and can be sent again
 * after a fix; it is never thrown and never stops good input.
 */
export const REJECTION_KINDS = [
  'malformed-json', // not JSON, not UTF-8, or nothing at all
  'wrong-shape', // JSON, but not what the venue promises; `path` says where
  'future-time', // stamped more than 60 s ahead of our own clock
  'unknown-product', // a product nobody asked for
  'foreign-record', // on one of our topics, but not one of our records
  'corrupt-record', // on one of our topics, its checksum wrong
] as const
export const RejectionKind = z.enum(REJECTION_KINDS)
export type RejectionKind = z.infer<typeof RejectionKind>

/** Up to here bytes travel as they are; up to `BYTES_MAX` gzipped; beyond it only their beginning does. */
const PLAIN_BYTES_MAX = 16 * 1024
const BYTES_MAX = 900 * 1024
const HEAD_BYTES = 64 * 1024

/** The original bytes: `encoding` says how `data` holds them. A `head` is cut off and cannot be sent again. */
export const OriginalBytes = z.object({
  encoding: z.enum(['base64', 'gzip+base64', 'head+base64']),
  length: z.int().nonnegative(),
  sha256: z.string().length(64),
  data: z.string(),
})
export type OriginalBytes = z.infer<typeof OriginalBytes>

export const Rejection = z.object({
  type: z.literal('rejection'),
  /** run and n of the producer that wrote it: unique for ever. */
  id: z.string().min(1).max(200),
  kind: RejectionKind,
  /** Where in the input: `bids[17][0]`, `time`; empty where the input as a whole is at fault. */
  path: z.string(),
  message: z.string(),
  venue: VenueId,
  /** `unknown` where a record of nobody's lay on one of our topics. */
  source: z.enum([...SourceId.options, 'unknown']),
  product: z.string().nullable(),
  receivedAtMs: TimeMs,
  original: OriginalBytes,
})
export type Rejection = z.infer<typeof Rejection>

/** "Rejection `id` was sent again and is now a good record": its mark in the table; it makes no digest. */
export const Resent = z.object({ type: z.literal('resent'), id: z.string().min(1).max(200), atMs: TimeMs })
export type Resent = z.infer<typeof Resent>

export const RejectionRecord = z.discriminatedUnion('type', [Rejection, Resent])
export type RejectionRecord = z.infer<typeof RejectionRecord>

/** What a parser says of input it cannot use, before it has an id and a topic. */
export type Refusal = { readonly kind: RejectionKind; readonly path: string; readonly message: string }

/** Where on our own topics a record lay that was none of ours. */
export type RecordPlace = { readonly topic: string; readonly partition: number; readonly offset: number }

/**
 * The headers that Kafka Connect gives records it could not use (KIP-298), so that whatever shows those shows ours. `place`
 * is where the record lay; input straight from a venue has none.
 */
export function connectHeaders(
  { kind, path, message }: Refusal,
  place?: RecordPlace,
): Record<string, string> {
  const of = (names: Record<string, string | number>) =>
    Object.fromEntries(
      Object.entries(names).map(([name, value]) => [`__connect.errors.${name}`, String(value)]),
    )
  return of({
    ...(place ?? {}),
    'connector.name': 'tidebook',
    'task.id': 0,
    stage: 'VALUE_CONVERTER',
    'class.name': path === '' ? kind : `${kind} at ${path}`,
    'exception.class.name': kind,
    'exception.message': message,
  })
}

/** Bytes as a rejection carries them. */
export function keepOriginal(bytes: Uint8Array): OriginalBytes {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const about = { length: bytes.length, sha256 }
  if (bytes.length <= PLAIN_BYTES_MAX) return { encoding: 'base64', ...about, data: base64(bytes) }
  const zipped = gzipSync(bytes)
  if (zipped.length <= BYTES_MAX) return { encoding: 'gzip+base64', ...about, data: base64(zipped) }
  return keepBeginning(bytes)
}

/** The first 64 KiB of bytes that are too many to keep, or that were never read to their end. */
export function keepBeginning(bytes: Uint8Array): OriginalBytes {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const data = base64(bytes.subarray(0, HEAD_BYTES))
  return { encoding: 'head+base64', length: bytes.length, sha256, data }
}

/** The bytes again: whole, or the beginning of them where `encoding` is `head+base64`. */
export function originalBytes(original: OriginalBytes): Uint8Array {
  const data = Buffer.from(original.data, 'base64')
  return original.encoding === 'gzip+base64' ? gunzipSync(data, { maxOutputLength: 64 * 1024 * 1024 }) : data
}

export function isResendable(original: OriginalBytes): boolean {
  return original.encoding !== 'head+base64'
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
