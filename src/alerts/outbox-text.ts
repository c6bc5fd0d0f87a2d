import { z } from 'zod'
import type { Alert } from './alert.ts'
import { DigestReport, type DigestText, digestText, remainderText } from './digest-text.ts'

/** What the store keeps until every sink has it. `doneBy` names the sinks that have. */
export type PendingMessage = {
  readonly id: string
  readonly kind: string
  readonly payload: unknown
  readonly doneBy: readonly string[]
}

/** Where a processor was set aside, and what it said. */
const ParkedReport = z.object({
  processor: z.string(),
  topic: z.string(),
  partition: z.int(),
  offset: z.int(),
  message: z.string(),
})

/** One alert that covers all of `messages` (at least one) and names `uncounted` digests told to the log only. */
export function outboxAlert(messages: readonly PendingMessage[], uncounted: number, atMs: number): Alert {
  const reports: DigestReport[] = []
  const others: DigestText[] = []
  for (const message of messages) {
    const report = message.kind === 'digest' ? DigestReport.safeParse(message.payload) : undefined
    if (report?.success) reports.push(report.data)
    else others.push(otherText(message))
  }
  const texts = reports.length === 0 ? others : [...others, digestText(reports, uncounted)]
  const [first, last] = [messages[0]!.id, messages.at(-1)!.id]
  return {
    id: first === last ? first : `${first}-to-${last}`,
    title: texts.map(({ title }) => title).join('; '),
    text: texts.map(({ text }) => text).join('\n\n'),
    severity: others.length > 0 ? 'critical' : 'warning',
    atMs,
  }
}

/** The alert about rejections that no digest covers yet. */
export function remainderAlert(report: DigestReport, atMs: number): Alert {
  const id = `remainder-${report.firstOrdinal}-${report.lastOrdinal}`
  return { id, ...remainderText(report), severity: 'warning', atMs }
}

/** A processor that was set aside; or a message of a store that another version has written, shown as it is. */
function otherText({ id, payload }: PendingMessage): DigestText {
  const parked = ParkedReport.safeParse(payload)
  if (!parked.success) return { title: `message ${id}`, text: JSON.stringify(payload) }
  const { processor, topic, partition, offset, message } = parked.data
  return {
    title: `processor ${processor} is parked`,
    text: `It cannot pass offset ${offset} of ${topic}/${partition}; the others go on. It said: ${message}`,
  }
}
