import type { Kysely } from 'kysely'
import type { Alert } from '../alerts/alert.ts'
import { DigestReport } from '../alerts/digest-text.ts'
import { remainderAlert } from '../alerts/outbox-text.ts'
import type { DigestItem } from '../processors/rejection-digest.ts'
import { digestReport } from '../processors/rejection-digest.ts'
import type { Views } from '../store/views.ts'

/** The message about rejections that no digest covers yet, or undefined where there are none. It consumes nothing. */
export async function openRemainder(db: Kysely<Views>, nowMs: number): Promise<Alert | undefined> {
  const row = await db.selectFrom('rejection_remainder').selectAll().executeTakeFirst()
  if (row === undefined) return undefined
  const items = JSON.parse(row.items) as DigestItem[]
  return remainderAlert(
    DigestReport.parse(digestReport({ digest: row.digest, count: row.count, items })),
    nowMs,
  )
}
