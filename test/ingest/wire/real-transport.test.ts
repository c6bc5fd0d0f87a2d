import { type AddressInfo, connect, createServer, type Socket as TcpSocket } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { capturing } from '../../../src/ingest/capture/capture.ts'
import { SEND_BYTES_MAX } from '../../../src/ingest/transport.ts'
import { realTransport } from '../../../src/ingest/wire/real-transport.ts'
import { openTransportPeer } from '../transport-peer.ts'
import { transportSuite } from '../transport-suite.ts'

transportSuite('the network', async () => ({ ...(await openTransportPeer()), transport: realTransport() }))

transportSuite('the network, captured', async () => ({
  ...(await openTransportPeer()),
  transport: capturing(realTransport(), { write: () => {} }),
}))

test('the other side of a WebSocket answers its pings, and its own are a sign of life', async () => {
  const peer = await openTransportPeer()
  for (const path of ['/echo', '/pings']) {
    const alive = await new Promise((resolve) => {
      const socket = realTransport().open(
        `${peer.socketUrl}${path}`,
        { frameBytesMax: 1_000, openMsMax: 5_000 },
        {
          onOpen: () => path === '/echo' && socket.ping?.(),
          onFrame: () => {},
          onAlive: () => resolve(true),
          onClose: resolve,
        },
      )
    })
    expect(alive).toBe(true)
  }
  await peer.close()
})

test('a peer that takes nothing is cut once too much waits for it', async () => {
  const peer = await openTransportPeer()
  const held: TcpSocket[] = []
  // The upgrade goes through it; what comes after that stays with it.
  const stuck = createServer((socket) => {
    const on = connect(Number(new URL(peer.socketUrl).port), '127.0.0.1')
    held.push(socket, on)
    on.pipe(socket)
    socket.once('data', (head) => {
      socket.pause()
      on.write(head)
    })
  })
  await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve))
  const { port } = stuck.address() as AddressInfo
  const end = await new Promise<{ message: string }>((resolve) => {
    const text = 'x'.repeat(SEND_BYTES_MAX / 4)
    const socket = realTransport().open(
      `ws://127.0.0.1:${port}/echo`,
      { frameBytesMax: 1_000, openMsMax: 5_000 },
      {
        // What the kernel takes by itself is no more than some megabytes.
        onOpen: () => {
          for (let sent = 0; sent < 200; sent++) socket.send(text)
        },
        onFrame: () => {},
        onClose: resolve,
      },
    )
  })
  expect(end.message).toContain(`${SEND_BYTES_MAX} bytes`)
  for (const socket of held) socket.destroy()
  stuck.close()
  await peer.close()
})

test('others get their turn however much one peer has to say', async () => {
  const frame = 'x'.repeat(100)
  const frames = 40_000
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  server.on('connection', (peer) => {
    for (let sent = 0; sent < frames; sent++) peer.send(frame)
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo

  let [heard, heardThisTurn, heardInATurnMax] = [0, 0, 0]
  await new Promise<void>((resolve) => {
    const socket = realTransport().open(
      `ws://127.0.0.1:${port}`,
      { frameBytesMax: 1_000, openMsMax: 5_000 },
      {
        onOpen: () => {},
        onFrame: () => {
          heard++
          if (heardThisTurn++ === 0) {
            setImmediate(() => {
              heardInATurnMax = Math.max(heardInATurnMax, heardThisTurn)
              heardThisTurn = 0
            })
          }
          if (heard === frames) socket.close()
        },
        onClose: () => resolve(),
      },
    )
  })
  server.close()

  expect(heard).toBe(frames)
  // 64 KiB, and what the last read brings on top of that; without a bound it is 2 MB.
  expect(heardInATurnMax * frame.length).toBeLessThanOrEqual(4 * 64 * 1024)
})
