import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database, { type Database as Connection } from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { topicSpecs } from '../src/models/topics.ts'

const readme = readFileSync('README.md', 'utf8')
const BIN = resolve('dist/src/commands/tidebook.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-readme-'))

let db: Connection
beforeAll(() => {
  tidebook('generate-mock', '--history', '10m', '--interval', '1s', '--faults', '0.02', '--exit')
  expect(tidebook('insights')).toContain('BTC-USD')
  db = new Database(join(folder, 'data/store.db'), { readonly: true })
})
afterAll(() => {
  db.close()
  rmSync(folder, { recursive: true })
})

describe('the messages of the README', () => {
  const messages = blocks('json').flatMap((block) => block.split(/\n(?=\{)/))

  test.each(messages)('%.40s... is one of ours', (text) => {
    const schemas = [...new Set(Object.values(topicSpecs).flatMap(({ values }) => values))]
    const accepted = schemas.filter((schema) => schema.safeParse(JSON.parse(text)).success)
    expect(accepted).toHaveLength(1)
  })
})

describe('the queries of the README', () => {
  const queries = blocks('sql').map((query) => [query.split('\n')[0]!.slice('-- '.length), query] as const)

  test('are five', () => {
    expect(queries).toHaveLength(5)
  })

  test.each(queries)('%s', (_, query) => {
    const rows = db.prepare(query).all() as Record<string, unknown>[]
    expect(rows.length).toBeGreaterThan(0)
    expect(Object.values(rows[0]!)).not.toContain(null)
  })
})

/** The fenced blocks of one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)\\n\`\`\`$`, 'gm'))].map(
    ([, block]) => block!,
  )
}

function tidebook(...args: readonly string[]): string {
  const env = { NO_COLOR: '1', LOG_LEVEL: 'silent' }
  const ran = spawnSync(process.execPath, [BIN, ...args], { cwd: folder, env, encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`tidebook ${args.join(' ')} failed:\n${ran.stderr}`)
  return ran.stdout
}
