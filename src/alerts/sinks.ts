import type { Logger } from 'pino'
import type { Sink } from './alert.ts'
import { logSink } from './log-sink.ts'
import { mailSink } from './mail-sink.ts'
import { slackSink } from './slack-sink.ts'

export type SinkSettings = {
  readonly slackWebhookUrl: string | undefined
  readonly smtpUrl: string | undefined
  readonly alertMailFrom: string | undefined
  readonly alertMailTo: string | undefined
}

/** The sinks that the settings turn on, the log first. Which they are is said in one line; their addresses are secrets. */
export function openSinks(settings: SinkSettings, log: Logger): Sink[] {
  const { slackWebhookUrl, smtpUrl, alertMailFrom: from, alertMailTo: to } = settings
  const sinks = [logSink(log)]
  if (slackWebhookUrl !== undefined) sinks.push(slackSink(slackWebhookUrl))
  if (smtpUrl !== undefined && from !== undefined && to !== undefined) {
    sinks.push(mailSink({ smtpUrl, from, to }))
  }
  const names = sinks.map((sink) => sink.name)
  log.info({ sinks: names }, `alerts go to: ${names.join(', ')}`)
  return sinks
}
