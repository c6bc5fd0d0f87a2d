import { EngineError } from '../../models/engine-error.ts'

/** What kafkajs throws, as far as it is looked at; every field may be missing. */
type Thrown = {
  readonly name?: string
  readonly message?: string
  readonly type?: string
  readonly code?: unknown
  readonly retriable?: boolean
  readonly cause?: unknown
  readonly errors?: readonly unknown[]
}

/** Nobody answered in the time that there was. */
export class NoAnswer extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms / 1_000} s`)
    this.name = 'NoAnswer'
  }
}

/** Answers of a broker that no waiting changes, each with what the operator can do. */
const REFUSALS: Readonly<Record<string, string>> = {
  KafkaJSSASLAuthenticationError: 'Check KAFKA_SASL, KAFKA_USERNAME and KAFKA_PASSWORD.',
  SASL_AUTHENTICATION_FAILED: 'Check KAFKA_SASL, KAFKA_USERNAME and KAFKA_PASSWORD.',
  UNSUPPORTED_SASL_MECHANISM: 'Check KAFKA_SASL: the broker does not offer this mechanism.',
  ILLEGAL_SASL_STATE: 'Check KAFKA_SASL: this listener of the broker asks for no login.',
  TOPIC_AUTHORIZATION_FAILED: 'Give this user READ, WRITE, DESCRIBE and CREATE on our topics.',
  GROUP_AUTHORIZATION_FAILED: 'Give this user READ and DESCRIBE on our groups.',
  CLUSTER_AUTHORIZATION_FAILED: 'Give this user IDEMPOTENT_WRITE and CREATE on the cluster.',
  MESSAGE_TOO_LARGE: "Raise the topic's max.message.bytes.",
  RECORD_LIST_TOO_LARGE: "Raise the topic's max.message.bytes.",
  INVALID_RECORD: 'The topic takes no records like ours: look at its cleanup.policy.',
  INVALID_REPLICATION_FACTOR: 'KAFKA_REPLICATION may be at most the number of brokers.',
  INVALID_PARTITIONS: 'Check the number of partitions.',
  INVALID_CONFIG: "The broker refuses a topic's settings.",
  POLICY_VIOLATION: "The cluster's own rules forbid it: ask whoever runs it.",
  INVALID_SESSION_TIMEOUT:
    'KAFKA_SESSION_MS must lie between group.min.session.timeout.ms and group.max.session.timeout.ms.',
  INVALID_TOPIC_EXCEPTION: 'The topic has a name that Kafka does not take.',
  UNSUPPORTED_VERSION: 'The broker is too old, or does not speak this part of the protocol.',
  KafkaJSServerDoesNotSupportApiKey: 'The broker is too old, or does not speak this part of the protocol.',
}

/** What is seen where TLS fails, in codes of Node and words of OpenSSL, each with what the operator can do. The first fits. */
const TLS_TROUBLES: readonly (readonly [RegExp, string])[] = [
  [
    /ALTNAME_INVALID|certificate's altnames/,
    'Name the brokers in KAFKA_BROKERS, and in their advertised.listeners, as their certificates do.',
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    "Renew the brokers' certificates, or mend the clock of this machine.",
  ],
  [
    /alert bad certificate|alert certificate required/i,
    'This listener wants a certificate of ours, which is not offered: use one with ssl.client.auth=none, and KAFKA_SASL to log in.',
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_|self-signed/,
    "Check KAFKA_TLS_CA_FILE: the certificate of the authority that signed the brokers' own, as PEM text.",
  ],
  [/before secure TLS connection|wrong version number/, 'Check KAFKA_TLS: this listener does not speak TLS.'],
  [/ERR_TLS|EPROTO|ERR_SSL/, 'Check KAFKA_TLS and KAFKA_TLS_CA_FILE.'],
  [
    /Closed connection/,
    'Check KAFKA_TLS: so does a broker that expects TLS, or one that is just going down.',
  ],
]

const UNREACHABLE =
  'Check KAFKA_BROKERS, and that Kafka runs and advertises an address that can be reached from here.'

/** The error and everything that caused it, outermost first. */
function chainOf(error: unknown): Thrown[] {
  const chain: Thrown[] = []
  const waiting: unknown[] = [error]
  while (waiting.length > 0 && chain.length < 20) {
    const next = waiting.shift()
    if (typeof next !== 'object' || next === null || chain.includes(next)) continue
    const thrown: Thrown = next
    chain.push(thrown)
    waiting.push(thrown.cause, ...(thrown.errors ?? []))
  }
  return chain
}

/** Whether the broker, or anything that caused the error, said so: `UNKNOWN_TOPIC_OR_PARTITION` and the like. */
export function saysAny(error: unknown, ...types: readonly string[]): boolean {
  return chainOf(error).some(({ type, name }) => types.includes(type ?? '') || types.includes(name ?? ''))
}

/** Whether waiting and asking again, of the same or of another broker, may help. */
export function mayPass(error: unknown): boolean {
  const own = ownOf(error)
  if (own !== undefined) return own.retry !== 'no'
  if (refusalOf(error) !== undefined) return false
  return chainOf(error).some(({ name }) => name?.startsWith('KafkaJS') === true || name === 'NoAnswer')
}

/** An error of ours that kafkajs only passed on: that of a codec. */
function ownOf(error: unknown): EngineError | undefined {
  return chainOf(error).find((each): each is Thrown & EngineError => each instanceof EngineError)
}

function refusalOf(error: unknown): string | undefined {
  for (const { type, name } of chainOf(error)) {
    for (const key of [type, name]) if (key !== undefined && Object.hasOwn(REFUSALS, key)) return key
  }
  return undefined
}

/**
 * The EngineError for what kafkajs threw while we were `doing` something: `broker-refused` for what no waiting changes,
 * else `broker-unreachable`. `tried` says of each broker what was seen there. An EngineError stays what it is, also inside of
 * what kafkajs made of it, and so does what is not kafkajs's.
 */
export function brokenPromise(error: unknown, doing: string, tried: string): Error {
  const own = ownOf(error)
  if (own !== undefined) return own
  const refusal = refusalOf(error)
  const chain = chainOf(error)
  const text = textOf(chain)
  if (refusal !== undefined) {
    return new EngineError('broker-refused', `Kafka refused ${doing}: ${text}`, {
      hint: REFUSALS[refusal]!,
      cause: error,
    })
  }
  if (error instanceof Error && !mayPass(error)) return error
  return new EngineError(
    'broker-unreachable',
    `Kafka cannot be reached for ${doing}: ${text}; tried ${tried}`,
    {
      retry: 'yes',
      hint: unreachableHint(`${chain.map(({ code }) => code).join(' ')} ${text} ${tried}`),
      cause: error,
    },
  )
}

function unreachableHint(seen: string): string {
  return TLS_TROUBLES.find(([trouble]) => trouble.test(seen))?.[1] ?? UNREACHABLE
}

/** `805C:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../deps/openssl/...` */
const OPENSSL = /^.*:SSL routines:[^:]*:([^:]+):.*$/s

/** The innermost message says most: the outer ones speak of retries. */
function textOf(chain: readonly Thrown[]): string {
  const { message } = chain.findLast((each) => each.message !== undefined && each.message !== '') ?? {}
  return message?.replace(/^Connection error: /, '').replace(OPENSSL, '$1') ?? 'no reason given'
}
