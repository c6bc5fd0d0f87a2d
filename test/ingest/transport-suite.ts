import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HttpAnswer, Socket, SocketEnd, SocketLimits, Transport } from '../../src/ingest/transport.ts'
import type { TransportPeer } from './transport-peer.ts'

export type TransportRig = TransportPeer & { readonly transport: Transport }

/** What every transport promises. `open` brings one with a peer that does what `transport-peer.ts` says. */
export function transportSuite(name: string, open: () => Promise<TransportRig>): void {
  let rig: TransportRig
  beforeAll(async () => {
    rig = await open()
  })
  afterAll(() => rig.close())

  describe(`sockets of ${name}`, () => {
    test('open later than the call that opens them, and say so once', async () => {
      const call = dial(rig, '/echo')
      expect(call.heard).toEqual([])
      await call.until(1)
      expect(call.heard).toEqual(['open'])
      call.socket.close()
      await call.closed
    })

    test('hand over texts and bytes, each frame whole, in order', async () => {
      const call = dial(rig, '/frames')
      await call.until(4)
      expect(call.heard).toEqual(['open', 'frame one', 'frame \u0002\u0002', 'frame three'])
      call.socket.close()
      await call.closed
    })

    test('send texts, in order', async () => {
      const call = dial(rig, '/echo')
      await call.until(1)
      for (const text of ['a', 'b', 'ü']) call.socket.send(text)
      await call.until(4)
      expect(call.heard.slice(1)).toEqual(['frame a', 'frame b', 'frame ü'])
      call.socket.close()
      await call.closed
    })

    test('hand over a text that is not UTF-8 as it came', async () => {
      const call = dial(rig, '/not-utf8')
      await call.until(2)
      expect(call.frames).toEqual([Uint8Array.of(0xff, 0xfe)])
      call.socket.close()
      await call.closed
    })

    test('say nothing but their end once we have closed them', async () => {
      const call = dial(rig, '/echo')
      await call.until(1)
      call.socket.send('one')
      call.socket.close()
      call.socket.send('two')
      await call.closed
      expect(call.heard).toEqual(['open', 'close'])
    })

    test('end soon after we close them, even where the other side is gone without a word', async () => {
      const call = dial(rig, '/stuck')
      await call.until(1)
      call.socket.close()
      await call.closed
      expect(call.heard).toEqual(['open', 'close'])
    })

    test('can be closed before they are open', async () => {
      const call = dial(rig, '/echo')
      call.socket.close()
      await call.closed
      expect(call.heard).toEqual(['close'])
    })

    test('end with what the peer said', async () => {
      expect((await dial(rig, '/bye').closed).message).toContain('restart')
    })

    test('end when the connection breaks', async () => {
      const call = dial(rig, '/broken')
      await call.closed
      expect(call.heard.at(-1)).toBe('close')
    })

    test('end with the status of a refusal, its words, and the wait it asks for', async () => {
      const call = dial(rig, '/refused')
      expect(await call.closed).toEqual({ status: 429, message: 'too many', retryAfterMs: 7_000 })
      expect(call.heard).toEqual(['close'])
    })

    test('are cut by a frame that is too long', async () => {
      const call = dial(rig, '/big', { frameBytesMax: 1_999, openMsMax: 5_000 })
      expect((await call.closed).message).toContain('1999 bytes')
      expect(call.heard).toEqual(['open', 'close'])
    })

    test('take a frame that is as long as it may be', async () => {
      const call = dial(rig, '/big', { frameBytesMax: 2_000, openMsMax: 5_000 })
      await call.until(2)
      expect(call.frames[0]).toHaveLength(2_000)
      call.socket.close()
      await call.closed
    })

    test('do not wait for ever to be opened', async () => {
      const call = dial(rig, '/mute', { frameBytesMax: 1_000, openMsMax: 50 })
      expect((await call.closed).message).toContain('50 ms')
    })

    test('that cannot be are a failure like any other, and no exception', async () => {
      const call = dial({ ...rig, socketUrl: 'nonsense' }, '/')
      await call.closed
      expect(call.heard).toEqual(['close'])
    })
  })

  describe(`requests of ${name}`, () => {
    test('bring the body of an answer', async () => {
      expect(textOf(await ask(rig, '/body'))).toBe('GET')
      expect(textOf(await ask(rig, '/body', { method: 'POST' }))).toBe('POST')
    })

    test('bring bodies unpacked, and count them so', async () => {
      expect(textOf(await ask(rig, '/gzip', { bodyBytesMax: 10_000 }))).toBe('a'.repeat(10_000))
      expect(await ask(rig, '/gzip', { bodyBytesMax: 9_999 })).toMatchObject({ kind: 'failed' })
    })

    test.each([400, 404, 418, 451, 500, 503])('are refused with status %d and its words', async (status) => {
      expect(await ask(rig, `/status/${status}`)).toEqual({ kind: 'refused', status, message: 'no' })
    })

    test('say how long a refusal wants us to wait', async () => {
      expect(await ask(rig, '/status/429')).toMatchObject({ status: 429, retryAfterMs: 3_000 })
    })

    test('do not go where another host may be', async () => {
      expect(await ask(rig, '/moved')).toMatchObject({ kind: 'refused', status: 302 })
    })

    test.each(['/hang', '/drip'])('fail where there is no whole answer in time: %s', async (path) => {
      expect(await ask(rig, path, { timeoutMs: 100 })).toMatchObject({ kind: 'failed' })
    })

    test('fail at once when they are stopped', async () => {
      const stopping = new AbortController()
      const answer = ask(rig, '/hang', { timeoutMs: 60_000, stop: stopping.signal })
      stopping.abort()
      expect(await answer).toMatchObject({ kind: 'failed' })
      expect(await ask(rig, '/body', { stop: stopping.signal })).toMatchObject({ kind: 'failed' })
    })
  })
}

type Call = {
  readonly socket: Socket
  /** `open`, `frame <text>`, `close`, as they came. */
  readonly heard: readonly string[]
  readonly frames: readonly Uint8Array[]
  readonly closed: Promise<SocketEnd>
  /** Resolves when so much has been heard. */
  until(count: number): Promise<void>
}

const LIMITS: SocketLimits = { frameBytesMax: 100_000, openMsMax: 5_000 }

function dial(rig: TransportRig, path: string, limits = LIMITS): Call {
  const heard: string[] = []
  const frames: Uint8Array[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  let close: (end: SocketEnd) => void = () => {}
  const closed = new Promise<SocketEnd>((resolve) => {
    close = resolve
  })
  const hear = (what: string) => {
    heard.push(what)
    for (const { count, resolve } of waiting) if (heard.length >= count) resolve()
  }
  const socket = rig.transport.open(rig.socketUrl + path, limits, {
    onOpen: () => hear('open'),
    onFrame: (frame) => {
      frames.push(Uint8Array.from(frame))
      hear(`frame ${new TextDecoder().decode(frame)}`)
    },
    onClose: (end) => {
      hear('close')
      close(end)
    },
  })
  const until = (count: number) =>
    new Promise<void>((resolve) => {
      if (heard.length >= count) resolve()
      else waiting.push({ count, resolve })
    })
  return { socket, heard, frames, closed, until }
}

type Asked = { method?: 'GET' | 'POST'; timeoutMs?: number; bodyBytesMax?: number; stop?: AbortSignal }

function ask(rig: TransportRig, path: string, asked: Asked = {}): Promise<HttpAnswer> {
  const {
    method = 'GET',
    timeoutMs = 5_000,
    bodyBytesMax = 100_000,
    stop = new AbortController().signal,
  } = asked
  return rig.transport.request(
    { method, url: rig.restUrl + path, weight: 1 },
    { timeoutMs, bodyBytesMax, stop },
  )
}

function textOf(answer: HttpAnswer): string | undefined {
  return answer.kind === 'body' ? new TextDecoder().decode(answer.bytes) : undefined
}
