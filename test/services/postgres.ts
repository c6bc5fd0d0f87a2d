import { Client } from 'pg'
import { afterAll } from 'vitest'
import { describeWith, service } from './services.ts'

/** The PostgreSQL that all test files of a run share; importing this starts it. */
const shared = await service('postgres')

/** A new, empty database of the shared server; it is dropped after the block of tests. Answers its DATABASE_URL. */
export type FreshDatabase = () => Promise<string>

let made = 0

/** A block of tests on databases of its own. */
export function withPostgres(name: string, tests: (freshDatabase: FreshDatabase) => void): void {
  describeWith(name, shared, ({ url }) => {
    const names: string[] = []
    afterAll(() =>
      run(
        url,
        names.map((database) => `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`),
      ),
    )
    tests(async () => {
      made += 1
      const database = `test_${process.pid}_${made}`
      names.push(database)
      await run(url, [`CREATE DATABASE ${database}`])
      const fresh = new URL(url)
      fresh.pathname = `/${database}`
      return fresh.href
    })
  })
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
