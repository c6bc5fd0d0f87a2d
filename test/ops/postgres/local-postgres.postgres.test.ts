import { Client } from 'pg'
import { expect, test } from 'vitest'
import { withPostgres } from '../../services/postgres.ts'

withPostgres('the PostgreSQL of the tests', (freshDatabase) => {
  test('gives every caller a database of its own', async () => {
    const [first, second] = [await freshDatabase(), await freshDatabase()]
    await query(first, 'CREATE TABLE t(x int)')
    expect(await query(second, "SELECT to_regclass('t') AS t")).toEqual([{ t: null }])
    expect(await query(first, "SELECT to_regclass('t') AS t")).toEqual([{ t: 't' }])
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
