import { z } from 'zod'
import { Rejection, RejectionKind } from '../models/rejection.ts'
import { TimeMs, VenueId } from '../models/scalars.ts'
import { isoTime } from '../models/time.ts'
import { cut, oneLine } from './plain-text.ts'

/** A rejection as a digest tells it: all but its bytes. */
const DigestItem = z.object({
  id: z.string(),
  kind: RejectionKind,
  path: z.string(),
  message: z.string(),
  venue: VenueId,
  source: Rejection.shape.source,
  product: z.string().nullable(),
  receivedAtMs: TimeMs,
})
type DigestItem = z.infer<typeof DigestItem>

/** Rejections number `firstOrdinal` to `lastOrdinal` of all: ten of them, or fewer where the digest is still open. */
export const DigestReport = z.object({
  firstOrdinal: z.int().positive(),
  lastOrdinal: z.int().positive(),
  items: z.array(DigestItem),
})
export type DigestReport = z.infer<typeof DigestReport>

export type DigestText = { readonly title: string; readonly text: string }

/** One message lists the rejections of so many digests one by one, the latest; all of them are in its counts. */
const DIGESTS_LISTED_MAX = 5
/** Groups shown; bad input comes in few kinds, so more than this is noise. */
const GROUPS_MAX = 20
const MESSAGE_LENGTH_MAX = 200

/**
 * What a message about digests says: how many it covers, what went wrong how often, and each rejection. `uncounted` more
 * digests went by while nobody could be told; they are only named. At least one report; in the order they were closed.
 */
export function digestText(reports: readonly DigestReport[], uncounted = 0): DigestText {
  const items = reports.flatMap((report) => report.items)
  const [first, last] = [reports[0]!, reports.at(-1)!]
  const span = `#${first.firstOrdinal} to #${last.lastOrdinal}`
  const covers = reports.length === 1 ? '1 digest' : `${reports.length} digests`
  const listed = reports.slice(-DIGESTS_LISTED_MAX)
  return {
    title: `${covers}: ${items.length} rejections, ${span}`,
    text: [
      ...groupLines(items),
      ...unlistedLines(reports.length - listed.length, uncounted),
      ...listed.flatMap((report) => ['', ...report.items.flatMap(itemLines)]),
    ].join('\n'),
  }
}

/** What is told of rejections that no digest covers yet: a message only, it consumes nothing. */
export function remainderText(report: DigestReport): DigestText {
  const { items, firstOrdinal, lastOrdinal } = report
  const rejections = items.length === 1 ? '1 rejection' : `${items.length} rejections`
  const span = firstOrdinal === lastOrdinal ? `#${lastOrdinal}` : `#${firstOrdinal} to #${lastOrdinal}`
  return {
    title: `${rejections} since the last digest, ${span}`,
    text: [
      `The digest is still open: it closes at #${Math.ceil(lastOrdinal / 10) * 10}.`,
      ...groupLines(items),
      '',
      ...items.flatMap(itemLines),
    ].join('\n'),
  }
}

/** `3 x wrong-shape at bids[*][0], coinbase (simulator), 14:35:00.123 to 14:36:10.500`: the most frequent first. */
function groupLines(items: readonly DigestItem[]): string[] {
  const groups = new Map<string, DigestItem[]>()
  for (const item of items) groups.set(groupOf(item), [...(groups.get(groupOf(item)) ?? []), item])
  const lines = [...groups.entries()]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([name, group]) => {
      const times = group.map((item) => item.receivedAtMs)
      const from = isoTime(Math.min(...times))
      const to = isoTime(Math.max(...times))
      return `${group.length} x ${name}, ${from === to ? from : `${from} to ${to}`}`
    })
  const more = lines.length - GROUPS_MAX
  return more > 0 ? [...lines.slice(0, GROUPS_MAX), `and ${more} more groups`] : lines
}

function groupOf({ kind, path, venue, source }: DigestItem): string {
  const shape = path.replace(/\d+/g, '*')
  return `${kind}${shape === '' ? '' : ` at ${oneLine(cut(shape, MESSAGE_LENGTH_MAX))}`}, ${venue} (${source})`
}

function itemLines({ id, kind, path, message, venue, source, product, receivedAtMs }: DigestItem): string[] {
  const where = path === '' ? '' : ` at ${oneLine(cut(path, MESSAGE_LENGTH_MAX))}`
  return [
    `${isoTime(receivedAtMs)}  ${venue} (${source})  ${oneLine(product ?? '-')}  ${kind}${where}`,
    `  ${oneLine(cut(message, MESSAGE_LENGTH_MAX))}`,
    `  ${oneLine(id)}`,
  ]
}

function unlistedLines(earlier: number, uncounted: number): string[] {
  const lines = []
  if (earlier > 0) lines.push(`The rejections of the ${earlier} earlier digests are not listed here.`)
  if (uncounted > 0) lines.push(`${uncounted} digests before these were told to the log only.`)
  return lines.length === 0 ? [] : ['', ...lines, 'All of them: npm run rejections']
}
