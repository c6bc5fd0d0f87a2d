import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chance } from '../broker/logs.ts'
import { type ChaosProxy, openChaosProxy } from '../services/chaos-proxy.ts'

/** What other tests rely on when they make the way to a server bad. The server here says back what it hears. */

let server: Server
let proxy: ChaosProxy
beforeEach(async () => {
  server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await openChaosProxy(chance(1))
  proxy.leadTo(`127.0.0.1:${(server.address() as AddressInfo).port}`)
})
afterEach(async () => {
  await proxy.close()
  server.close()
})

describe('the way to a server', () => {
  test('is as if it were not there in good weather', async () => {
    const client = await visit()
    expect(await echo(client, 'x'.repeat(3_000_000))).toBe(3_000_000)
    expect(proxy.bytes()).toBe(6_000_000)
    client.end()
    await once(client, 'close')
  })

  test('refuses connections, resets those there are, and opens again on the same port', async () => {
    const client = await visit()
    const [cut] = [endOf(client), await proxy.refuse()]
    expect(await cut).toBe('ECONNRESET')
    await expect(visit()).rejects.toThrow('ECONNREFUSED')
    await proxy.pass()
    expect(await echo(await visit(), 'there again')).toBe(11)
  })

  test('is a dead end: everything is taken and nothing answered, until it is open again', async () => {
    const before = await visit()
    await proxy.halfOpen()
    const during = await visit()
    const answers: string[] = []
    for (const client of [before, during]) {
      client.on('data', (text) => answers.push(String(text)))
      client.write('is there anybody?')
    }
    const ends = Promise.all([before, during].map(endOf))
    await proxy.pass()
    expect(await ends).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect(answers).toEqual([])
    expect(await echo(await visit(), 'there again')).toBe(11)
  })

  test('resets what is on it and takes what comes next', async () => {
    const client = await visit()
    await echo(client, 'there')
    const ended = endOf(client)
    proxy.cut()
    expect(await ended).toBe('ECONNRESET')
    expect(await echo(await visit(), 'there again')).toBe(11)
  })

  test('takes its time without mixing up what was said', async () => {
    await proxy.blow({ latencyMs: 20, jitterMs: 20 })
    const client = await visit()
    client.setEncoding('utf8')
    const numbers = Array.from({ length: 200 }, (_, i) => `${i},`)
    let heard = ''
    client.on('data', (text) => {
      heard += text
    })
    for (const number of numbers) client.write(number)
    while (heard.length < numbers.join('').length) await once(client, 'data')
    expect(heard).toBe(numbers.join(''))
  })

  test('resets so many of a hundred connections that say one thing each', async () => {
    await proxy.blow({ resetPercent: 25 })
    let resets = 0
    for (let i = 0; i < 100; i++) {
      const client = await visit()
      const answered = once(client, 'data').then(() => true)
      client.write('x')
      if (!(await Promise.race([answered.catch(() => false), endOf(client).then(() => false)]))) resets++
      client.destroy()
    }
    // There and back: 100 × (1 - 0.75²).
    expect(resets).toBeGreaterThan(30)
    expect(resets).toBeLessThan(60)
  })
})

async function visit(): Promise<Socket> {
  const [host, port] = proxy.address.split(':') as [string, string]
  const client = connect(Number(port), host)
  client.on('error', () => {})
  await once(client, 'connect')
  return client
}

/** How many bytes of it come back. */
async function echo(client: Socket, text: string): Promise<number> {
  let heard = 0
  client.write(text)
  for await (const piece of client.iterator({ destroyOnReturn: false })) {
    heard += (piece as Buffer).length
    if (heard >= text.length) break
  }
  return heard
}

/** Resolves with the error that ends a connection, or with nothing where it ends well. */
function endOf(client: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    client.once('close', () => resolve(undefined))
  })
}
