import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { startPostgres } from '../../../ops/postgres/local-postgres.ts'
import { withPostgres } from '../../services/postgres.ts'

withPostgres('the PostgreSQL of the tests', (freshDatabase) => {
  test('gives every caller a database of its own', async () => {
    const [first, second] = [await freshDatabase(), await freshDatabase()]
    await query(first, 'CREATE TABLE t(x int)')
    expect(await query(second, "SELECT to_regclass('t') AS t")).toEqual([{ t: null }])
    expect(await query(first, "SELECT to_regclass('t') AS t")).toEqual([{ t: 't' }])
  })
})

withPostgres('a local PostgreSQL', () => {
  test('keeps its data and its address over kill -9', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tidebook-postgres-'))
    const postgres = await startPostgres({ dataDir, settings: { max_connections: '5' } })
    try {
      await query(postgres.url, 'CREATE TABLE t AS SELECT 7 AS x')
      await postgres.crash()
      await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
      await postgres.restart()
      expect(await query(postgres.url, 'SELECT x FROM t')).toEqual([{ x: 7 }])
    } finally {
      await postgres.stop()
      rmSync(dataDir, { recursive: true })
    }
  })
})

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
