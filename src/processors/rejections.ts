import type { OriginalBytes, Rejection, RejectionKind } from '../models/rejection.ts'
import type { VenueId } from '../models/scalars.ts'
import { table } from '../store/table.ts'
import type { Processor } from './processor.ts'

/**
 * One rejection with its original bytes, and since when it is a good record after all. The word that it was sent again
 * may be read first: then everything but `id` and `resentAtMs` is still null.
 */
export type RejectionRow = {
  readonly id: string
  readonly kind: RejectionKind | null
  readonly path: string | null
  readonly message: string | null
  readonly venue: VenueId | null
  readonly source: Rejection['source'] | null
  readonly product: string | null
  readonly receivedAtMs: number | null
  /** Length of the input as it was received. */
  readonly bytes: number | null
  readonly original: OriginalBytes | null
  readonly resentAtMs: number | null
}

export const rejections: Processor<'rejection', RejectionRow> = {
  name: 'rejections',
  reads: 'rejection',
  per: { kind: 'key', of: (record) => [record.id] },
  table: table<RejectionRow>('rejections', ['id'], {
    id: 'text',
    kind: 'text?',
    path: 'text?',
    message: 'text?',
    venue: 'text?',
    source: 'text?',
    product: 'text?',
    receivedAtMs: 'integer?',
    bytes: 'integer?',
    original: 'json?',
    resentAtMs: 'integer?',
  }),
  merge(row, record) {
    if (record.type === 'rejection') return withRejection(row, record)
    const known = row ?? resentRow(record.id)
    const earlier = known.resentAtMs === null || record.atMs < known.resentAtMs
    return earlier ? { ...known, resentAtMs: record.atMs } : known
  },
}

function resentRow(id: string): RejectionRow {
  return {
    id,
    kind: null,
    path: null,
    message: null,
    venue: null,
    source: null,
    product: null,
    receivedAtMs: null,
    bytes: null,
    original: null,
    resentAtMs: null,
  }
}

/** An id names one rejection; should two ever share it, the smaller stays, in any arrival order. */
function withRejection(row: RejectionRow | undefined, rejection: Rejection): RejectionRow {
  const { id, kind, path, message, venue, source, product, receivedAtMs, original } = rejection
  const next = {
    id,
    kind,
    path,
    message,
    venue,
    source,
    product,
    receivedAtMs,
    bytes: original.length,
    original,
    resentAtMs: row?.resentAtMs ?? null,
  }
  if (row === undefined || row.kind === null) return next
  return JSON.stringify(next) < JSON.stringify(row) ? next : row
}
