import { describe, expect, test } from 'vitest'
import { brokenPromise, mayPass, NoAnswer } from '../../../src/broker/kafka/errors.ts'
import { EngineError } from '../../../src/models/engine-error.ts'

/** As kafkajs makes them: its own names, the broker's answer in `type`, what came before in `cause`. */
function thrown(message: string, about: { name?: string; type?: string; code?: string; cause?: Error } = {}) {
  return Object.assign(new Error(message), { name: 'KafkaJSError', ...about })
}

describe('what Kafka answers, and what it is to us', () => {
  const refused = thrown('connect ECONNREFUSED', { name: 'KafkaJSConnectionError', code: 'ECONNREFUSED' })
  const cases: [string, Error, string, RegExp][] = [
    ['nobody listens', refused, 'broker-unreachable', /KAFKA_BROKERS/],
    ['nobody answers', new NoAnswer(10_000), 'broker-unreachable', /KAFKA_BROKERS/],
    [
      'a certificate of an unknown authority',
      thrown('self-signed certificate', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      'broker-unreachable',
      /KAFKA_TLS_CA_FILE/,
    ],
    [
      'a listener that wants a certificate of ours',
      thrown('80:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../ssl.c:1:\n'),
      'broker-unreachable',
      /ssl\.client\.auth/,
    ],
    ['a connection closed without a word', thrown('Closed connection'), 'broker-unreachable', /KAFKA_TLS/],
    [
      'a wrong password',
      thrown('SASL PLAIN authentication failed', { name: 'KafkaJSSASLAuthenticationError' }),
      'broker-refused',
      /KAFKA_PASSWORD/,
    ],
    [
      'a right that is missing, seen through retries',
      thrown('gave up', { cause: thrown('no', { type: 'TOPIC_AUTHORIZATION_FAILED' }) }),
      'broker-refused',
      /READ, WRITE/,
    ],
    [
      'a new leader',
      thrown('moved', { type: 'NOT_LEADER_FOR_PARTITION' }),
      'broker-unreachable',
      /KAFKA_BROKERS/,
    ],
  ]
  test.each(cases)('%s', (_, error, code, hint) => {
    const made = brokenPromise(error, 'a look at topics', '127.0.0.1:9092') as EngineError
    expect(made).toMatchObject({ code, hint: expect.stringMatching(hint), cause: error })
    expect(made.retry).toBe(code === 'broker-refused' ? 'no' : 'yes')
    expect(mayPass(error)).toBe(code !== 'broker-refused')
    expect(mayPass(made)).toBe(code !== 'broker-refused')
  })
})

test('the innermost reason is told, and what was tried', () => {
  const error = thrown('Number of retries exceeded', {
    cause: thrown('Connection error: connect ETIMEDOUT', { name: 'KafkaJSConnectionError' }),
  })
  expect(brokenPromise(error, 'new records', 'kafka-1:9092; kafka-2:9092').message).toBe(
    'Kafka cannot be reached for new records: connect ETIMEDOUT; tried kafka-1:9092; kafka-2:9092',
  )
})

test('what OpenSSL says is cut down to its words', () => {
  const error = thrown(
    '80:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../ssl.c:1:\n',
  )
  expect(brokenPromise(error, 'new records', 'kafka-1:9092').message).toBe(
    'Kafka cannot be reached for new records: sslv3 alert bad certificate; tried kafka-1:9092',
  )
})

test('an error of ours that kafkajs only passes on is told as it is', () => {
  const own = new EngineError('bad-config', 'a codec is missing')
  const passed = thrown('a codec is missing', { name: 'KafkaJSNonRetriableError', cause: own })
  expect(brokenPromise(passed, 'a look', '')).toBe(own)
  expect(mayPass(passed)).toBe(false)
})

test('what is not of Kafka stays what it is', () => {
  const own = new EngineError('log-lost', 'gone')
  const bug = new TypeError('x is not a function')
  expect(brokenPromise(own, 'a look', '')).toBe(own)
  expect(brokenPromise(bug, 'a look', '')).toBe(bug)
  expect(mayPass(bug)).toBe(false)
})
