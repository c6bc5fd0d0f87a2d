import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

export type WebhookServer = {
  readonly url: string
  readonly bodies: { readonly text: string }[]
  close(): Promise<void>
}

/** Takes webhooks, answering each with the next of `answers`; the last goes on. `hang` never answers. */
export async function openWebhookServer(
  ...answers: readonly ('hang' | { status: number; headers?: Record<string, string> })[]
): Promise<WebhookServer> {
  const bodies: { text: string }[] = []
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    bodies.push(JSON.parse(Buffer.concat(chunks).toString()))
    const answer = answers[Math.min(bodies.length, answers.length) - 1] ?? { status: 200 }
    if (answer !== 'hang') response.writeHead(answer.status, answer.headers ?? {}).end('ok')
  })
  const port = await listen(server)
  return { url: `http://127.0.0.1:${port}/services/T0/B0/secret-hook`, bodies, close: closing(server) }
}

export type Mail = { readonly from: string; readonly to: string[]; readonly data: string }

export type SmtpServer = {
  readonly port: number
  readonly mails: Mail[]
  readonly commands: string[]
  close(): Promise<void>
}

/** The least of RFC 5321 that takes a mail; `refuse` answers that command with that line instead. */
export async function openSmtpServer(refuse: Record<string, string> = {}): Promise<SmtpServer> {
  const mails: Mail[] = []
  const commands: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    converse(socket, mails, commands, refuse)
  })
  const port = await listen(server)
  const close = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { port, mails, commands, close }
}

function converse(socket: Socket, mails: Mail[], commands: string[], refuse: Record<string, string>): void {
  let buffer = ''
  let isData = false
  let mail: { from: string; to: string[] } = { from: '', to: [] }
  const say = (line: string) => socket.write(`${line}\r\n`)

  function onData(): boolean {
    const end = buffer.indexOf('\r\n.\r\n')
    if (end === -1) return false
    mails.push({ ...mail, data: buffer.slice(0, end).replaceAll('\r\n..', '\r\n.') })
    buffer = buffer.slice(end + 5)
    isData = false
    say('250 taken')
    return true
  }

  function onLine(): boolean {
    const end = buffer.indexOf('\r\n')
    if (end === -1) return false
    const line = buffer.slice(0, end)
    buffer = buffer.slice(end + 2)
    commands.push(line)
    const command = line.split(' ')[0]!.toUpperCase()
    if (refuse[command] !== undefined) say(refuse[command])
    else if (command === 'EHLO') socket.write('250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n')
    else if (command === 'AUTH') say('235 welcome')
    else if (command === 'MAIL') mail = { from: addressOf(line), to: [] }
    else if (command === 'RCPT') mail.to.push(addressOf(line))
    else if (command === 'DATA') isData = true
    if (refuse[command] === undefined && ['MAIL', 'RCPT', 'RSET'].includes(command)) say('250 ok')
    if (isData) say('354 go on')
    if (command === 'QUIT') socket.end('221 bye\r\n')
    return true
  }

  socket.on('data', (chunk: Buffer) => {
    buffer += chunk.toString('utf8')
    while (isData ? onData() : onLine());
  })
  if (refuse['GREETING'] !== 'hang') say('220 test')
}

function addressOf(line: string): string {
  return /<(.*)>/.exec(line)?.[1] ?? ''
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

function closing(server: Server & { closeAllConnections?: () => void }): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections?.()
    })
}
