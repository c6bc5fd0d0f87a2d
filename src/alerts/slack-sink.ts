import { isoTime } from '../models/time.ts'
import type { Alert, Sink } from './alert.ts'
import { cut, oneLine } from './plain-text.ts'
import { failureCode, sinkFailed } from './sink-error.ts'

/** Slack takes 40,000 characters and shows the beginning of more; escaping can make five of one. */
const TEXT_LENGTH_MAX = 7_000
const TITLE_LENGTH_MAX = 300
/** One message a minute, by whichever sink, is what people read. */
const PACE_MS = 60_000
/** What an incoming webhook asks of those who send too fast, where it names no time. */
const RETRY_AFTER_MS = 60_000

/**
 * A Slack incoming webhook, or anything that takes the same JSON.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export function slackSink(webhookUrl: string): Sink {
  return {
    name: 'slack',
    paceMs: PACE_MS,
    send: async (alert, { signal }) => {
      const response = await post(webhookUrl, slackMessage(alert), signal)
      await response.body?.cancel()
      if (response.ok) return
      const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
      const afterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : RETRY_AFTER_MS
      throw sinkFailed('slack', `answered ${response.status}`, response.status === 429 ? afterMs : undefined)
    },
  }
}

/** The webhook's JSON. Nothing in it becomes a mention, a link or a preview. */
export function slackMessage(alert: Alert): string {
  const head = `*${escapeMrkdwn(cut(oneLine(alert.title), TITLE_LENGTH_MAX))}*`
  const about = `${alert.severity} · ${isoTime(alert.atMs)}`
  const text = `${head}\n${about}\n\`\`\`\n${escapeCode(cut(alert.text, TEXT_LENGTH_MAX))}\n\`\`\``
  return JSON.stringify({ text, unfurl_links: false, unfurl_media: false })
}

/** In Slack's own writing a mark that is not meant as one is told apart by an invisible space before it. */
export function escapeMrkdwn(text: string): string {
  return escapeEntities(text).replace(/[*_~`]/g, (mark) => `\u200b${mark}`)
}

/** Inside a block of code only a backquote could end it. */
export function escapeCode(text: string): string {
  return escapeEntities(text).replaceAll('`', '\u200b`')
}

/** `<!channel>`, `<@U1>`, `<https://...|text>`: all that Slack acts upon stands in angle brackets. */
function escapeEntities(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

async function post(url: string, body: string, signal: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  try {
    return await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
  } catch (error) {
    throw sinkFailed('slack', failureCode(error))
  }
}
