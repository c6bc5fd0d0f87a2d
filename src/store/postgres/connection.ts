import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { EngineError } from '../../models/engine-error.ts'
import { isInEachOthersWay, postgresError } from './errors.ts'
import type { Statement } from './schema.ts'

/** How long a connection may take to stand. */
const CONNECT_TIMEOUT_MS = 10_000
/** The longest a statement may run on the server; ours take milliseconds. It also bounds the wait for another's lock. */
const STATEMENT_TIMEOUT_MS = 20_000
/** For the few that rewrite whole tables: an exchange of a rebuilt table may move some million rows. */
const LONG_STATEMENT_MS = 600_000
/** The server ends a session that stalls within a transaction: a stopped process holds its partitions no longer than this. */
const IDLE_IN_TRANSACTION_MS = 5_000
/** What the server has not answered by then is lost: beyond what the longest pipeline of statements may take. */
const ANSWER_TIMEOUT_MS = 30_000
/** How long a server may take to say goodbye; one that cannot be reached says nothing. */
const GOODBYE_MS = 2_000
/** Tries of a transaction that was rolled back because another stood in its way. */
const TRIES_MAX = 5
/**
 * Our statements carry arrays of any length and look up by key: the general plan is the right one, and making it once spares
 * a tenth of a commit. Compiling a view's plan takes longer than what it answers.
 */
const PLANNING = 'SET plan_cache_mode = force_generic_plan; SET jit = off'
/** Connections for reading: insights ask one question at a time, a dashboard a few. */
const READERS_MAX = 4

type Parser = (text: string) => unknown
const parseTime = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ) as (text: string) => Date

/** Values as SQLite would have them: numbers, exact decimals and JSON as text, times as ISO text. */
const PARSERS: Readonly<Record<number, Parser>> = {
  [pg.types.builtins.INT8]: Number,
  [pg.types.builtins.NUMERIC]: String,
  [pg.types.builtins.JSON]: String,
  [pg.types.builtins.TIMESTAMPTZ]: (text) => parseTime(text).toISOString(),
}

const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary'): Parser =>
    PARSERS[oid] ?? (pg.types.getTypeParser(oid, format as 'text') as Parser),
}

const session = (url: string, sockets: Set<Socket>) => ({
  connectionString: url,
  stream: () => newSocket(sockets),
  types: types as unknown as pg.CustomTypesConfig,
  application_name: 'tidebook',
  keepAlive: true,
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  query_timeout: ANSWER_TIMEOUT_MS,
})

export type Values = readonly unknown[]
export type Answer = { readonly rows: unknown[][]; readonly count: number }

/** Statements are sent as they come and answered in order: whoever needs no answer in between need not wait for one. */
export type Transaction = {
  run(statement: Statement | string, values?: Values): Promise<Answer>
  /** Rolls back at the end instead of committing. */
  undo(): void
}

export type PostgresLog = { warn(about: object, text: string): void }

/**
 * One connection, made anew after it was lost; what is asked of it happens one after the other. Rejects with an EngineError
 * where the server is away: whether a commit that was on its way then landed, nobody knows.
 */
export class PostgresConnection {
  /** Host, port and database, for people; never the password. */
  readonly place: string
  readonly #url: string
  readonly #log: PostgresLog | undefined
  readonly #sockets = new Set<Socket>()
  #client: pg.Client | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(url: string, log?: PostgresLog) {
    this.#url = url
    this.#log = log
    const { host, port, database } = clientOf(url, this.#sockets)
    this.place = `${host}:${port}/${database ?? ''}`
  }

  /**
   * Does `work` in one transaction: all of it lands when the promise resolves, nothing where it rejects. Where another
   * transaction stood in the way `work` is done again. `long`: it may take minutes.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, { long = false } = {}): Promise<T> {
    return this.#alone(async () => {
      for (let tries = 1; ; tries++) {
        const client = await this.#connected()
        try {
          return await this.#once(client, work, long)
        } catch (error) {
          if (!isInEachOthersWay(error) || tries === TRIES_MAX) throw error
          this.#log?.warn({ err: error, tries }, 'a transaction was rolled back for another: trying it again')
        }
      }
    })
  }

  /** One statement by itself. */
  run(statement: Statement | string, values?: Values): Promise<Answer> {
    return this.#alone(async () => ask(await this.#connected(), statement, values))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#queue
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) await sayGoodbye(client.end(), this.#sockets)
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(async () => {
      try {
        return await work()
      } catch (error) {
        throw postgresError(error, this.place)
      }
    })
    this.#queue = run.catch(() => undefined)
    return run
  }

  async #once<T>(client: pg.Client, work: (tx: Transaction) => Promise<T>, isLong: boolean): Promise<T> {
    let undone = false
    const sent: Promise<Answer>[] = []
    const run = (statement: Statement | string, values?: Values): Promise<Answer> => {
      const answer = ask(client, statement, values, isLong)
      // Whoever sent it may be waiting for an earlier one that failed.
      answer.catch(() => undefined)
      sent.push(answer)
      return answer
    }
    try {
      run('BEGIN')
      if (isLong) run(`SET LOCAL statement_timeout = ${LONG_STATEMENT_MS}`)
      const value = await work({
        run,
        undo: () => {
          undone = true
        },
      })
      await Promise.all(sent)
      await ask(client, undone ? 'ROLLBACK' : 'COMMIT')
      return value
    } catch (error) {
      const first = await firstFailure(sent)
      await ask(client, 'ROLLBACK').catch(() => this.#drop(client))
      throw first ?? error
    }
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client
    if (this.#closed) throw new EngineError('closed', 'the store is closed')
    const client = clientOf(this.#url, this.#sockets)
    // Without a listener the loss of an idle connection would end the process.
    client.on('error', () => this.#drop(client))
    client.on('end', () => this.#drop(client))
    try {
      await client.connect()
      await client.query(PLANNING)
    } catch (error) {
      client.end().catch(() => undefined)
      throw error
    }
    this.#client = client
    return client
  }

  /** The next statement goes over another connection. */
  #drop(client: pg.Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
  }
}

function clientOf(url: string, sockets: Set<Socket>): pg.Client {
  try {
    return new pg.Client({ ...session(url, sockets), pipeline: true })
  } catch (error) {
    // What the parser says of an URL may hold the password.
    throw new EngineError('bad-config', 'DATABASE_URL is not an URL that PostgreSQL understands', {
      hint: `postgres://user:password@host:5432/database (${(error as { code?: string }).code ?? 'unreadable'})`,
    })
  }
}

async function ask(
  client: pg.Client,
  statement: Statement | string,
  values: Values = [],
  isLong = false,
): Promise<Answer> {
  const asked = typeof statement === 'string' ? { text: statement } : statement
  // pg reads the last one; its types do not know it.
  const about = { rowMode: 'array' as const, query_timeout: isLong ? LONG_STATEMENT_MS : ANSWER_TIMEOUT_MS }
  const { rows, rowCount } = await client.query<unknown[]>({ ...asked, ...about, values: [...values] })
  return { rows, count: rowCount ?? 0 }
}

/** In a pipeline the first failure is the reason; those behind it only say that the transaction is broken. */
async function firstFailure(sent: readonly Promise<Answer>[]): Promise<unknown> {
  for (const outcome of await Promise.allSettled(sent))
    if (outcome.status === 'rejected') return outcome.reason
  return undefined
}

/** A few connections that reads share, in the shape kysely asks for. Their errors are ours, too. */
export function openReadPool(url: string, place: string) {
  const sockets = new Set<Socket>()
  const pool = new pg.Pool({ ...session(url, sockets), max: READERS_MAX })
  // An idle connection that is lost is replaced by the pool; the next question says what is wrong.
  pool.on('error', () => undefined)
  // Sent before anybody's question. Where it fails the connection is lost, and the question says so.
  pool.on('connect', (client) => void client.query('SET jit = off').catch(() => undefined))
  const inOurWords = (error: unknown): never => {
    throw postgresError(error, place)
  }
  return {
    connect: async () => {
      const client = await pool.connect().catch(inOurWords)
      const query = (text: string, values: readonly unknown[]) =>
        client.query(text, [...values]).catch(inOurWords)
      return { query: query as never, release: () => client.release() }
    },
    end: () => sayGoodbye(pool.end(), sockets),
  }
}

function newSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket()
  sockets.add(socket)
  return socket.once('close', () => sockets.delete(socket))
}

/** In order where the server answers; otherwise the connections are cut, or they would keep the process alive. */
async function sayGoodbye(end: Promise<void>, sockets: ReadonlySet<Socket>): Promise<void> {
  const ended = new AbortController()
  const givenUp = delay(GOODBYE_MS, undefined, { signal: ended.signal }).catch(() => undefined)
  await Promise.race([end.finally(() => ended.abort()), givenUp])
  for (const socket of sockets) socket.destroy()
}
