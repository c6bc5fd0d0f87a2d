import { createTransport } from 'nodemailer'
import { isoTime } from '../models/time.ts'
import type { Alert, Sink } from './alert.ts'
import { cut, oneLine } from './plain-text.ts'
import { failureCode, sinkFailed } from './sink-error.ts'

/** One message a minute, by whichever sink, is what people read. */
const PACE_MS = 60_000
/** Each step of the conversation may take so long; the caller's signal bounds the whole. */
const SMTP_STEP_MS_MAX = 10_000
/** Longer subjects are cut by the programs that show them. */
const SUBJECT_LENGTH_MAX = 200
const TEXT_LENGTH_MAX = 200_000

export type MailSettings = { readonly smtpUrl: string; readonly from: string; readonly to: string }

/** Mail through an SMTP server: `smtp://user:password@host:587`, or `smtps://` for TLS from the first byte. */
export function mailSink({ smtpUrl, from, to }: MailSettings): Sink {
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: SMTP_STEP_MS_MAX,
    greetingTimeout: SMTP_STEP_MS_MAX,
    socketTimeout: SMTP_STEP_MS_MAX,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: 'mail',
    paceMs: PACE_MS,
    send: async (alert, { signal }) => {
      try {
        await untilAborted(transport.sendMail({ from, to, ...mailMessage(alert) }), signal)
      } catch (error) {
        throw sinkFailed('mail', failureCode(error))
      }
    },
  }
}

/** Subject, body and an id that is the same when the alert is sent again, so that mail programs show it once. */
export function mailMessage(alert: Alert): { subject: string; text: string; messageId: string } {
  const subject = cut(oneLine(`[tidebook] ${alert.severity}: ${alert.title}`), SUBJECT_LENGTH_MAX)
  const text = `${alert.title}\n${isoTime(alert.atMs)}\n\n${cut(alert.text, TEXT_LENGTH_MAX)}\n`
  return { subject, text, messageId: `<${alert.id.replace(/[^A-Za-z0-9.-]+/g, '-')}@tidebook>` }
}

/** The mailer takes no signal: what is aborted ends by its own time-outs, unheard. */
function untilAborted(sending: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  sending.catch(() => {})
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    sending.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}
