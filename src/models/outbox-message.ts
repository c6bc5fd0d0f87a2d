import type { OriginalBytes, RecordPlace, Refusal } from './rejection.ts'

/**
 * Something to be told outside once the rows it speaks of are committed. `id` makes it one message however often it is
 * made. digest: ten rejections. parked: a processor that stands before a record it threw on. reject: a record on one of our
 * topics that is none of ours, on its way to `rejections`.
 */
export type OutboxMessage = {
  readonly id: string
  readonly kind: 'digest' | 'parked' | 'reject'
  readonly payload: unknown
}

/** The payload of a `reject`: where it lay, why it cannot be used, and its bytes. */
export type ForeignRecord = {
  readonly place: RecordPlace
  readonly refusal: Refusal
  readonly original: OriginalBytes
  readonly atMs: number
}
