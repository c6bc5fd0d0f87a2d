import { afterEach, describe, expect, test } from 'vitest'
import type { Alert } from '../../src/alerts/alert.ts'
import { logSink } from '../../src/alerts/log-sink.ts'
import { mailSink } from '../../src/alerts/mail-sink.ts'
import { openSinks } from '../../src/alerts/sinks.ts'
import { slackMessage, slackSink } from '../../src/alerts/slack-sink.ts'
import { tellAll } from '../../src/alerts/tell.ts'
import { openSmtpServer, openWebhookServer } from './local-servers.ts'
import { NAUGHTY_LISTS } from './naughty.ts'
import { recordingLog } from './recording-log.ts'

const alert: Alert = {
  id: 'run-1-stopped',
  title: 'The coinbase ingestor has stopped',
  text: 'It gave no answer.\nSee to the network.',
  severity: 'critical',
  atMs: Date.UTC(2026, 10, 20, 14, 35),
}

const neverAborted = { signal: new AbortController().signal }
const closers: (() => Promise<void>)[] = []

/** Closed when the test ends. */
async function opened<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
  const server = await opening
  closers.push(server.close)
  return server
}

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

describe('which sinks are on', () => {
  const none = {
    slackWebhookUrl: undefined,
    smtpUrl: undefined,
    alertMailFrom: undefined,
    alertMailTo: undefined,
  }
  const mail = {
    smtpUrl: 'smtp://u:secret-password@127.0.0.1:1',
    alertMailFrom: 'a@x.org',
    alertMailTo: 'b@x.org',
  }

  test.each([
    ['the log', none, 'log'],
    ['the log and Slack', { ...none, slackWebhookUrl: 'http://127.0.0.1:1/secret-hook' }, 'log, slack'],
    ['the log and mail', { ...none, ...mail }, 'log, mail'],
  ])('%s: they are said in one line, without their secrets', (_, settings, names) => {
    const { log, lines, entries } = recordingLog()
    const sinks = openSinks(settings, log)
    expect(sinks.map(({ name }) => name).join(', ')).toBe(names)
    expect(entries().map(({ msg }) => msg)).toEqual([`alerts go to: ${names}`])
    expect(lines.join()).not.toContain('secret')
  })

  test('sinks that cannot be reached are logged without their secrets', async () => {
    const { log, lines, entries } = recordingLog()
    const sinks = openSinks({ ...mail, slackWebhookUrl: 'http://127.0.0.1:1/secret-hook' }, log)
    await tellAll(sinks, alert, { timeoutMs: 5_000, log })
    expect(entries().map(({ msg }) => msg)).toEqual([
      'alerts go to: log, slack, mail',
      'The coinbase ingestor has stopped',
      expect.stringMatching(/^(slack|mail) was not told$/),
      expect.stringMatching(/^(slack|mail) was not told$/),
    ])
    expect(lines.join()).not.toContain('secret')
  })
})

describe('telling everybody', () => {
  test('a sink that hangs is left alone after its time, and the others are told meanwhile', async () => {
    const { log, entries } = recordingLog()
    const webhook = await opened(openWebhookServer('hang'))
    await tellAll([slackSink(webhook.url), logSink(log)], alert, { timeoutMs: 100, log })
    expect(entries().map(({ msg }) => msg)).toEqual([
      'The coinbase ingestor has stopped',
      'slack was not told',
    ])
  })

  test('two alerts at the same moment both arrive, each once', async () => {
    const { log } = recordingLog()
    const webhook = await opened(openWebhookServer())
    const sinks = [slackSink(webhook.url)]
    const alerts = ['first', 'second'].map((title) => ({ ...alert, id: title, title }))
    await Promise.all(alerts.map((one) => tellAll(sinks, one, { timeoutMs: 5_000, log })))
    expect(webhook.bodies.map(({ text }) => text.split('\n')[0]).sort()).toEqual(['*first*', '*second*'])
  })
})

describe('log', () => {
  test.each(NAUGHTY_LISTS)('one line holds whatever text, and gives it back: %s', async (_, texts) => {
    const { log, lines, entries } = recordingLog()
    for (const text of texts) await logSink(log).send({ ...alert, text }, neverAborted)
    expect(entries().map(({ level, text }) => [level, text])).toEqual(texts.map((text) => [50, text]))
    for (const line of lines) expect(line.trimEnd()).not.toMatch(/[\n\r\u001b\u0000]/)
  })

  test('a title is one plain line, even where somebody reads it on a terminal', async () => {
    const { log, entries } = recordingLog()
    await logSink(log).send({ ...alert, title: 'a\r\nb\u001b[31m\u202ec' }, neverAborted)
    expect(entries()[0]!['msg']).toBe('a b [31m c')
  })
})

describe('Slack', () => {
  test('a message has the title, how grave it is and when, and the text as a block', async () => {
    const webhook = await opened(openWebhookServer())
    await slackSink(webhook.url).send(alert, neverAborted)
    expect(webhook.bodies).toEqual([
      {
        text: '*The coinbase ingestor has stopped*\ncritical · 2026-11-20T14:35:00.000Z\n```\nIt gave no answer.\nSee to the network.\n```',
        unfurl_links: false,
        unfurl_media: false,
      },
    ])
  })

  test.each(NAUGHTY_LISTS)('no text becomes a mention, a link or a way out of its block: %s', (_, texts) => {
    for (const text of texts) {
      const message = JSON.parse(slackMessage({ ...alert, title: text, text })).text as string
      expect(message).not.toMatch(/[<>]/)
      expect(message.match(/&(?!amp;|lt;|gt;)/)).toBeNull()
      expect(message.match(/```/g), message).toHaveLength(2)
      expect(message.length).toBeLessThan(40_000)
      expect(message.split('\n')[0]).toMatch(/^\*(?:\u200b[*_~`]|[^*_~`])*\*$/)
    }
  })

  test('a text that is too long is cut and says so', () => {
    expect(JSON.parse(slackMessage({ ...alert, text: 'x'.repeat(50_000) })).text).toContain('x…\n```')
  })

  test.each([
    [{ status: 429, headers: { 'retry-after': '7' } }, 'slack: answered 429', { afterMs: 7_000 }],
    [{ status: 429 }, 'slack: answered 429', { afterMs: 60_000 }],
    [{ status: 500 }, 'slack: answered 500', 'yes'],
    [{ status: 404 }, 'slack: answered 404', 'yes'],
    [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, expect.stringMatching(/^slack: /), 'yes'],
  ] as const)('an answer of %j is a failure to be tried again', async (answer, message, retry) => {
    const webhook = await opened(openWebhookServer(answer))
    const sending = slackSink(webhook.url).send(alert, neverAborted)
    await expect(sending).rejects.toMatchObject({ code: 'sink-failed', message, retry })
  })
})

describe('mail', () => {
  const sinkAt = (port: number) =>
    mailSink({
      smtpUrl: `smtp://me:secret-password@127.0.0.1:${port}`,
      from: 'tidebook@example.org',
      to: 'a@example.org, b@example.org',
    })

  test('a mail goes to everybody named, once, under an id that a second attempt shares', async () => {
    const server = await opened(openSmtpServer())
    await sinkAt(server.port).send(alert, neverAborted)
    const [mail] = server.mails
    expect(server.mails).toHaveLength(1)
    expect([mail!.from, mail!.to]).toEqual(['tidebook@example.org', ['a@example.org', 'b@example.org']])
    expect(mail!.data).toContain('Subject: [tidebook] critical: The coinbase ingestor has stopped\r\n')
    expect(mail!.data).toContain('Message-ID: <run-1-stopped@tidebook>\r\n')
    expect(mail!.data).toContain('It gave no answer.\r\nSee to the network.')
    expect(server.commands.some((line) => line.startsWith('AUTH PLAIN '))).toBe(true)
  })

  test.each(NAUGHTY_LISTS)('no text adds a header or ends the mail: %s', async (_, texts) => {
    const server = await opened(openSmtpServer())
    for (const text of texts) {
      await sinkAt(server.port).send({ ...alert, id: text, title: text, text }, neverAborted)
    }
    expect(server.mails).toHaveLength(texts.length)
    for (const { data, to } of server.mails) {
      const [head] = data.split('\r\n\r\n')
      const names = head!.split(/\r\n(?![ \t])/).map((header) => header.split(':')[0]!)
      expect(names.filter((name) => name !== 'Content-Transfer-Encoding').sort()).toEqual([
        'Content-Type',
        'Date',
        'From',
        'MIME-Version',
        'Message-ID',
        'Subject',
        'To',
      ])
      expect(to).toEqual(['a@example.org', 'b@example.org'])
    }
  })

  test.each([
    ['refuses the password', { AUTH: '535 no' }, 'EAUTH'],
    ['refuses the sender', { MAIL: '550 no' }, 'EENVELOPE'],
    ['refuses the text', { DATA: '451 later' }, 'EENVELOPE'],
  ])('a server that %s is a failure to be tried again, told by its code alone', async (_, refuse, code) => {
    const server = await opened(openSmtpServer(refuse))
    const sending = sinkAt(server.port).send(alert, neverAborted)
    await expect(sending).rejects.toMatchObject({
      code: 'sink-failed',
      message: `mail: ${code}`,
      retry: 'yes',
    })
  })

  test('a server that says nothing is given up when the signal says so', async () => {
    const server = await opened(openSmtpServer({ GREETING: 'hang' }))
    const signal = AbortSignal.timeout(50)
    const sending = sinkAt(server.port).send(alert, { signal })
    await expect(sending).rejects.toMatchObject({ code: 'sink-failed', message: 'mail: TimeoutError' })
  })
})
