import pg from 'pg'
import { EngineError } from '../../models/engine-error.ts'

/** The server is away, going, full of clients, read-only for now, or gave up on us: another try may find it well. */
const AWAY = /^(08...|57P0.|57014|53300|53200|25P03|25006|55P03)$/
/** The server is there, and does not let us in. */
const REFUSED = /^(28...|3D000|42501|3F000)$/
/** Two transactions stood in each other's way; one of them was rolled back, and need only be tried again. */
const IN_EACH_OTHERS_WAY = ['40001', '40P01']

const LOST =
  /^E[A-Z]+$|Connection terminated|connection error|timeout expired|timeout exceeded|read timeout|was closed and is not queryable/
const NOT_LET_IN = /^SASL|password must be a string|does not support SSL|self-signed|certificate/i

const HINTS = {
  away: 'see that PostgreSQL runs and can be reached there; rows and positions are committed together, so nothing is half-written',
  refused:
    'check user, password, database and rights: DATABASE_URL=postgres://user:password@host:5432/database',
  full: 'free some space there; nothing half-written was kept',
}

export function isInEachOthersWay(error: unknown): boolean {
  return error instanceof pg.DatabaseError && IN_EACH_OTHERS_WAY.includes(error.code ?? '')
}

/** What PostgreSQL or the way to it said, in our words. `place`: host, port and database. Errors of ours pass unchanged. */
export function postgresError(error: unknown, place: string): unknown {
  if (error instanceof EngineError || !(error instanceof Error)) return error
  const { code = '' } = error as { code?: string }
  const about = { cause: error }
  if (error instanceof pg.DatabaseError) return serverError(error, place)
  if (NOT_LET_IN.test(error.message) || /CERT|SSL|TLS/.test(code)) return refused(error, place)
  if (LOST.test(code) || LOST.test(error.message)) {
    const what = error.message === '' ? code : error.message
    return new EngineError('store-unreachable', `cannot reach PostgreSQL at ${place}: ${what}`, {
      ...about,
      retry: 'yes',
      hint: HINTS.away,
    })
  }
  return error
}

function serverError(error: pg.DatabaseError, place: string): unknown {
  const { code = '', message } = error
  const about = { cause: error }
  if (AWAY.test(code)) {
    return new EngineError('store-unreachable', `PostgreSQL at ${place} does not answer: ${message}`, {
      ...about,
      retry: 'yes',
      hint: HINTS.away,
    })
  }
  if (REFUSED.test(code)) return refused(error, place)
  if (code === '53100') {
    return new EngineError('disk-full', `PostgreSQL at ${place} has no room to write: ${message}`, {
      ...about,
      hint: HINTS.full,
    })
  }
  if (code === '58030') return new EngineError('disk-failed', `PostgreSQL at ${place}: ${message}`, about)
  if (code.startsWith('XX00') && code !== 'XX000') {
    return new EngineError('store-corrupt', `PostgreSQL at ${place} is damaged: ${message}`, about)
  }
  return error
}

function refused(error: Error, place: string): EngineError {
  return new EngineError('store-unreachable', `PostgreSQL at ${place} does not let us in: ${error.message}`, {
    cause: error,
    hint: HINTS.refused,
  })
}
