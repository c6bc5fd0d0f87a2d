import type { Rejection, RejectionKind } from '../models/rejection.ts'
import type { VenueId } from '../models/scalars.ts'
import { table } from '../store/table.ts'
import type { Processor } from './processor.ts'

/** Every tenth rejection closes a digest: #10, #20, #30 ..., never #9 or #11. */
export const DIGEST_REJECTIONS = 10

/** A rejection as a digest tells it: all but its bytes. */
export type DigestItem = {
  readonly id: string
  readonly kind: RejectionKind
  readonly path: string
  readonly message: string
  readonly venue: VenueId
  readonly source: Rejection['source']
  readonly product: string | null
  readonly receivedAtMs: number
}

/** One digest, open until `count` is ten. `digest` counts from 1; items stand by the time they were received, then id. */
export type RejectionDigestRow = {
  readonly digest: number
  readonly count: number
  readonly items: readonly DigestItem[]
}

/** What is told outside: rejections number `firstOrdinal` to `lastOrdinal` of all, how many of each kind, and each one. */
export type DigestReport = {
  readonly digest: number
  readonly firstOrdinal: number
  readonly lastOrdinal: number
  readonly counts: Readonly<Record<string, number>>
  readonly items: readonly DigestItem[]
}

/** A digest as it is told; of an open one, what there is so far. */
export function digestReport(row: RejectionDigestRow): DigestReport {
  const firstOrdinal = (row.digest - 1) * DIGEST_REJECTIONS + 1
  const counts: Record<string, number> = {}
  for (const { kind } of row.items) counts[kind] = (counts[kind] ?? 0) + 1
  return {
    digest: row.digest,
    firstOrdinal,
    lastOrdinal: firstOrdinal + row.count - 1,
    counts,
    items: row.items,
  }
}

export const rejectionDigest: Processor<'rejection', RejectionDigestRow> = {
  name: 'rejection-digest',
  reads: 'rejection',
  per: {
    kind: 'key',
    of: (_record, { ordinal }) => [Math.ceil(ordinal / DIGEST_REJECTIONS)],
    counts: (record) => record.type === 'rejection',
  },
  table: table<RejectionDigestRow>('rejection_digests', ['digest'], {
    digest: 'integer',
    count: 'integer',
    items: 'json',
  }),
  merge(row, record, key) {
    if (record.type !== 'rejection') return row
    const items = [...(row?.items ?? []), itemOf(record)].sort(compareItems)
    return { digest: key[0] as number, count: items.length, items }
  },
  tells(before, after) {
    if (after.count !== DIGEST_REJECTIONS || before?.count === DIGEST_REJECTIONS) return undefined
    const report = digestReport(after)
    return { id: `digest-${report.lastOrdinal}`, kind: 'digest', payload: report }
  },
}

function itemOf(rejection: Rejection): DigestItem {
  const { id, kind, path, message, venue, source, product, receivedAtMs } = rejection
  return { id, kind, path, message, venue, source, product, receivedAtMs }
}

function compareItems(a: DigestItem, b: DigestItem): number {
  if (a.receivedAtMs !== b.receivedAtMs) return a.receivedAtMs - b.receivedAtMs
  const [x, y] = a.id === b.id ? [JSON.stringify(a), JSON.stringify(b)] : [a.id, b.id]
  return x < y ? -1 : x > y ? 1 : 0
}
