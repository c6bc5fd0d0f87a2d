import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openBroker } from '../../src/broker/open-broker.ts'
import { MEMORY } from '../../src/broker/sqlite/log-file.ts'
import { parseTailOptions, type TailOptions, tail } from '../../src/commands/tail.ts'
import { openEmbedded, records } from '../broker/logs.ts'
import { start, temporaryDir } from '../reliability/commands.ts'
import { type TestContext, testContext } from './insights-context.ts'
import { tailSuite } from './looking-suite.ts'

tailSuite('the embedded log', () => openEmbedded(MEMORY))

const BIN = resolve('dist/src/commands/tidebook.js')
const TO_THE_END: TailOptions = { offset: 'start', num: '0', key: [], format: 'table', exit: true }
const REJECTIONS = { topic: 'rejections', partition: 0 }

async function publish(
  context: Pick<TestContext, 'config' | 'nowMs' | 'monotonicMs' | 'random' | 'log'>,
): Promise<void> {
  const broker = await openBroker(context.config, context)
  await broker.publish(records(1, 3, REJECTIONS))
  await broker.close()
}

describe('npm run tail', () => {
  test.each([
    ['table', ['', 'damaged', '']],
    ['value', ['run-1-1', 'run-1-3']],
  ])('marks a damaged record, or says it where there is no place for a mark: %s', async (format, shown) => {
    const context = testContext()
    await publish(context)
    damage(context, 'run-1-2')
    let text = ''
    await tail(context, 'rejections', { ...TO_THE_END, format }, async (more) => {
      text += more
    })
    const lines = text.trimEnd().split('\n')
    expect(lines).toHaveLength(shown.length)
    for (const [i, part] of shown.entries()) expect(lines[i]).toContain(part)
    expect(context.lines.filter(({ msg }) => msg.includes('rejections/0@1 is damaged'))).toHaveLength(
      format === 'value' ? 1 : 0,
    )
  })

  test('says what to run where there is no log yet', async () => {
    await expect(tail(testContext(), 'rejections', TO_THE_END)).rejects.toMatchObject({ code: 'log-missing' })
  })

  test.each([
    [{ num: '-1' }, '-n got "-1"'],
    [{ num: 'all' }, '-n got "all"'],
    [{ partitions: '0,' }, '-p got ""'],
    [{ partitions: 'all' }, '-p got "all"'],
    [{ offset: 'tomorrow' }, '-o got "tomorrow"'],
    [{ format: 'xml' }, '-f got "xml"'],
  ])('%j is a mistake of usage', (about, message) => {
    expect(() => parseTailOptions({ ...TO_THE_END, ...about }, 0)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(message) }),
    )
  })

  test('the process takes its options as rpk does, follows, and ends in order when it is told to', async () => {
    const context = testContext({ DATA_DIR: temporaryDir() })
    await publish(context)
    const args = ['tail', 'rejections', '-o', '-2', '-f', '%t %p %o %k %v\\n']
    const following = start(context.config.dataDir, args)
    await following.said('run-1-3')
    following.signal('SIGTERM')
    expect(await following.ended).toMatchObject({
      code: 0,
      stdout: 'rejections 0 1 BTC-USD run-1-2\nrejections 0 2 BTC-USD run-1-3\n',
      stderr: '',
    })
  })

  test('a reader that has stopped reading does not keep it from ending in order', async () => {
    const context = testContext({ DATA_DIR: temporaryDir() })
    const broker = await openBroker(context.config, context)
    // More than a pipe and the buffers at its ends hold.
    await broker.publish(records(1, 50, { ...REJECTIONS, value: 'x'.repeat(100_000) }))
    await broker.close()
    const env = { DATA_DIR: context.config.dataDir }
    const child = spawn(process.execPath, [BIN, 'tail', 'rejections', '-f', 'value'], { env })
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'readable')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('a reader that goes away ends it quietly', async () => {
    const context = testContext({ DATA_DIR: temporaryDir() })
    await publish(context)
    const behind = ['sh', '-c', `exec 3>&1; { "$@"; echo "exit $?" >&3; } | true`, 'sh']
    const ended = await start(context.config.dataDir, ['tail', 'rejections', '-e'], { behind }).ended
    expect(ended).toMatchObject({ stdout: 'exit 0\n', stderr: '' })
  })
})

/** Changes one byte of a record's value behind the log's back. */
function damage(context: TestContext, value: string): void {
  const db = new Database(join(context.config.dataDir, 'log.db'))
  const tables = db.prepare(`SELECT name FROM sqlite_master WHERE name LIKE 'records_%'`).pluck().all()
  const changed = (tables as string[]).map(
    (table) => db.prepare(`UPDATE ${table} SET value = 'x' || value WHERE value = ?`).run(value).changes,
  )
  db.close()
  expect(changed.reduce((a, b) => a + b, 0)).toBe(1)
}
