import { type AddressInfo, connect, createServer, type Socket as TcpSocket } from 'node:net'
import { expect, test } from 'vitest'
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
