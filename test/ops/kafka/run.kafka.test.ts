import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, expect, test, vi } from 'vitest'
import { freePorts } from '../../../ops/ports.ts'
import { withOwnKafka } from '../../services/own-kafka.ts'

vi.setConfig({ testTimeout: 180_000 })

const BIN = resolve('dist/ops/kafka/run.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-run-kafka-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

withOwnKafka('npm run kafka', () => {
  test('serves until Ctrl-C, keeps a second one off its data, and ends with 0', async () => {
    const [port, other] = (await freePorts(2)) as [number, number]
    const kafka = await startCommand('--port', String(port), '--data', folder)
    expect(kafka.firstLine).toBe(`KAFKA_BROKERS=localhost:${port}`)
    const admin = new Kafka({ brokers: [`localhost:${port}`], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    expect((await admin.describeCluster()).brokers).toHaveLength(1)
    await admin.disconnect()

    const second = spawn(process.execPath, [BIN, '--port', String(other), '--data', folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const [said, [code]] = await Promise.all([textOf(second.stderr), once(second, 'close')])
    expect(said).toContain('another Kafka (started by process ')
    expect(code).toBe(1)
    expect(await kafka.end('SIGINT')).toBe(0)
  })
})

async function startCommand(...args: readonly string[]) {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [firstLine] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    firstLine,
    async end(signal: NodeJS.Signals): Promise<unknown> {
      child.kill(signal)
      const [code] = await once(child, 'close')
      return code
    },
  }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}
