import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { exitCodeOf, failureText } from '../../src/commands/run.ts'
import { EngineError } from '../../src/models/engine-error.ts'

const BIN = resolve('dist/src/commands/tidebook.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-run-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('exit codes', () => {
  const cases: [string, string[], Record<string, string>, number, RegExp][] = [
    ['0 with what was asked for', ['config'], {}, 0, /^$/],
    ['0 for help', ['--help'], {}, 0, /^$/],
    ['2 for an unknown verb', ['nonsense'], {}, 2, /unknown command 'nonsense'/],
    ['2 for an unknown option', ['config', '--wrong'], {}, 2, /unknown option '--wrong'/],
    ['2 for a bad value', ['insights', '--format', 'xml'], {}, 2, /Allowed choices are text, json, csv/],
    ['2 for no verb', [], {}, 2, /Usage: tidebook/],
    ['2 for a bad duration', ['demo', '--for', 'ages'], {}, 2, /expected a duration/],
    [
      '78 for a wrong environment',
      ['config'],
      { POLL_MS: '1', LOGLEVEL: 'x' },
      78,
      /has 2 problems \(exit 78\)/,
    ],
  ]
  test.each(cases)('%s', (_, args, env, code, stderr) => {
    const ran = tidebook(args, env)
    expect(ran.stderr).toMatch(stderr)
    expect(ran.status).toBe(code)
  })
})

test('help begins with examples', () => {
  expect(tidebook(['--help']).stdout).toMatch(/^Examples:\n {2}tidebook demo /)
  expect(tidebook(['insights', '--help']).stdout).toMatch(/^Examples:\n {2}tidebook insights /)
})

test('settings come from the environment and, below it, from .env', () => {
  writeFileSync(join(folder, '.env'), 'POLL_MS=1234\nBOOK_LEVELS=7\n')
  const { stdout } = tidebook(['config'], { BOOK_LEVELS: '8' })
  expect(stdout).toMatch(/^POLL_MS +1234 +set$/m)
  expect(stdout).toMatch(/^BOOK_LEVELS +8 +set$/m)
})

test('a reader that goes away ends a command quietly', () => {
  const ran = spawnSync(
    'sh',
    ['-c', `exec 3>&1; { "${process.execPath}" "${BIN}" config --example; echo "exit $?" >&3; } | true`],
    {
      encoding: 'utf8',
      cwd: folder,
    },
  )
  expect(ran.stderr).toBe('')
  expect(ran.stdout).toBe('exit 0\n')
})

describe('failures', () => {
  const broken = new EngineError('lock-held', 'process 42 holds the lock', { hint: 'stop it first' })

  test('a broken promise is one message with the way out, and no stack', () => {
    expect(failureText(broken, 'info')).toBe('process 42 holds the lock\n  hint: stop it first\n')
  })

  test('its stack is there for those who ask', () => {
    expect(failureText(broken, 'debug')).toContain('    at ')
  })

  test('a bug shows its stack', () => {
    expect(failureText(new TypeError('x is undefined'), 'info')).toMatch(
      /^TypeError: x is undefined\n {4}at /,
    )
  })

  test('each has its exit code', () => {
    const codes = [new EngineError('usage', ''), new EngineError('bad-config', ''), broken, new Error('')]
    expect(codes.map(exitCodeOf)).toEqual([2, 78, 1, 1])
  })
})

function tidebook(args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [BIN, ...args], {
    encoding: 'utf8',
    cwd: folder,
    env: { NO_COLOR: '1', ...env },
  })
}
