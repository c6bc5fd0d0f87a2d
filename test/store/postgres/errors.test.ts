import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { EngineError } from '../../../src/models/engine-error.ts'
import { isInEachOthersWay, postgresError } from '../../../src/store/postgres/errors.ts'

const PLACE = 'db.example:5432/tide'

/** What the server says, by its code. */
function serverError(code: string): pg.DatabaseError {
  const error = new pg.DatabaseError(`says ${code}`, 0, 'error')
  error.code = code
  return error
}

describe('what PostgreSQL says', () => {
  test.each([
    ['08006', 'store-unreachable', 'yes'], // connection failure
    ['57P01', 'store-unreachable', 'yes'], // the administrator shuts the server down
    ['57P03', 'store-unreachable', 'yes'], // it is starting up
    ['53300', 'store-unreachable', 'yes'], // too many connections
    ['25P03', 'store-unreachable', 'yes'], // we stalled within a transaction
    ['57014', 'store-unreachable', 'yes'], // a statement took too long
    ['25006', 'store-unreachable', 'yes'], // read-only: a standby, or its way to become one
    ['28P01', 'store-unreachable', 'no'], // wrong password
    ['28000', 'store-unreachable', 'no'], // no such role, or not from here
    ['3D000', 'store-unreachable', 'no'], // no such database
    ['42501', 'store-unreachable', 'no'], // no right to make tables there
    ['53100', 'disk-full', 'no'],
    ['58030', 'disk-failed', 'no'],
    ['XX001', 'store-corrupt', 'no'],
  ])('%s is %s, worth another try: %s', (code, expected, retry) => {
    const error = postgresError(serverError(code), PLACE)
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({ code: expected, retry, message: expect.stringContaining(PLACE) })
    expect(error).toMatchObject({ message: expect.stringContaining(`says ${code}`) })
  })

  test.each(['23502', '42P01', 'XX000'])(
    '%s breaks no promise of the store: it is passed on as it is',
    (code) => {
      const error = serverError(code)
      expect(postgresError(error, PLACE)).toBe(error)
    },
  )

  test.each([
    ['40001', true],
    ['40P01', true],
    ['23505', false],
  ])("%s says that two transactions stood in each other's way: %s", (code, expected) => {
    expect(isInEachOthersWay(serverError(code))).toBe(expected)
  })
})

describe('what the way to it says', () => {
  const coded = (code: string, message = `connect ${code}`) => Object.assign(new Error(message), { code })

  test.each([
    [coded('ECONNREFUSED'), 'yes'],
    [coded('ECONNRESET'), 'yes'],
    [coded('ENOTFOUND'), 'yes'],
    [new AggregateError([], ''), undefined],
    [Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }), 'yes'],
    [new Error('Connection terminated unexpectedly'), 'yes'],
    [new Error('timeout expired'), 'yes'],
    [new Error('Query read timeout'), 'yes'],
    [new Error('Client has encountered a connection error and is not queryable'), 'yes'],
    [new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'), 'no'],
    [new Error('The server does not support SSL connections'), 'no'],
    [coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 'no'],
    [new TypeError('a mistake of ours'), undefined],
  ])('%s: worth another try: %s', (thrown, retry) => {
    const error = postgresError(thrown, PLACE)
    if (retry === undefined) expect(error).toBe(thrown)
    else expect(error).toMatchObject({ code: 'store-unreachable', retry, cause: thrown })
  })

  test('an error of ours stays as it is', () => {
    const error = new EngineError('closed', 'the store is closed')
    expect(postgresError(error, PLACE)).toBe(error)
  })
})
