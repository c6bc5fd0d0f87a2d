import { X509Certificate } from 'node:crypto'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import kafkajs, { type ISocketFactory, type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs'
import type { Logger } from 'pino'
import { EngineError } from '../../models/engine-error.ts'

export type KafkaSasl = {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

/** Where Kafka is, and how it is spoken to. */
export type KafkaAddress = {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** `ca`: the PEM text of the authority that signed the brokers' certificates, where it is no public one. */
  readonly tls: boolean | { readonly ca: string }
  readonly sasl?: KafkaSasl | undefined
}

/** One user of kafkajs (a producer, a consumer, or our own looks) with connections of its own. */
export type KafkaClient = {
  readonly kafka: InstanceType<typeof kafkajs.Kafka>
  readonly config: KafkaConfig
  /** Cuts every connection and allows no new one: what still waits for an answer fails at once. */
  discard(): void
}

/** What makes clients, and what they saw: for errors that say what was tried. */
export type KafkaClients = {
  open(): KafkaClient
  /** Every broker with the last trouble seen there: `127.0.0.1:9092: connect ECONNREFUSED 127.0.0.1:9092`. */
  tried(): string
}

const DISCARDED = 'this client was discarded'
/** A broker on the other side of the world answers a SYN in 0.3 s; one that takes longer than this is not there. */
const CONNECT_MS = 3_000
/** A request without answer for so long fails, and is tried again elsewhere. */
export const REQUEST_MS = 10_000
/** So often the kernel looks whether the other side is still there. */
const KEEP_ALIVE_MS = 30_000
/** kafkajs's own tries at one thing, with a pause before each: about two seconds. What goes on trying for longer is ours. */
export const SHORT_RETRY = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  factor: 0.2,
  multiplier: 2,
  retries: 4,
}

/** Throws an EngineError (`bad-config`) where the authority of TLS is no certificate; everything else is seen on connecting. */
export function openKafkaClients(address: KafkaAddress, log: Logger | undefined): KafkaClients {
  const troubles = new Map<string, string>()
  const tls = tlsOf(address.tls)

  function logCreator(): (entry: LogEntry) => void {
    return ({ namespace, log: { message, broker, stack: _, timestamp: __, logger: ___, ...about } }) => {
      if (message.endsWith(DISCARDED)) return
      const trouble = /^Connection (?:error: (.*)|(timeout))$/.exec(message)
      if (namespace === 'Connection' && trouble !== null) troubles.set(broker, trouble[1] ?? 'no answer')
      // Most of these are tries that will be repeated; whoever gives up says so himself, once.
      log?.debug({ ...about, broker, part: `kafkajs ${namespace}` }, message)
    }
  }

  function open(): KafkaClient {
    const sockets = openSockets((broker) => troubles.delete(broker))
    const config: KafkaConfig = {
      brokers: [...address.brokers],
      clientId: address.clientId,
      connectionTimeout: CONNECT_MS,
      requestTimeout: REQUEST_MS,
      retry: SHORT_RETRY,
      socketFactory: sockets.factory,
      logCreator,
      logLevel: log?.isLevelEnabled('debug') === true ? kafkajs.logLevel.WARN : kafkajs.logLevel.ERROR,
      ...tls,
      ...(address.sasl && { sasl: { ...address.sasl } as SASLOptions }),
    }
    return { kafka: new kafkajs.Kafka(config), config, discard: sockets.cut }
  }

  return {
    open,
    tried: () =>
      address.brokers
        .map((broker) => (troubles.has(broker) ? `${broker}: ${troubles.get(broker)}` : broker))
        .join('; '),
  }
}

function tlsOf(tls: KafkaAddress['tls']): { ssl?: { ca: string[] } | boolean } {
  if (typeof tls === 'boolean') return tls ? { ssl: true } : {}
  try {
    new X509Certificate(tls.ca)
  } catch (error) {
    // TLS itself passes over what is no certificate, and then trusts nobody.
    throw new EngineError('bad-config', 'KAFKA_TLS_CA_FILE holds no certificate', {
      cause: error,
      hint: 'it begins with -----BEGIN CERTIFICATE-----: the certificate of the authority that signed those of the brokers',
    })
  }
  return { ssl: { ca: [tls.ca] } }
}

/** kafkajs ends a connection only when everything on it was answered. Sockets of our own can be cut. */
function openSockets(onConnected: (broker: string) => void): { factory: ISocketFactory; cut(): void } {
  const sockets = new Set<Socket>()
  let isCut = false

  const factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (isCut) throw new Error(DISCARDED)
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...(ssl as object) }, onConnect)
      : connectTcp({ host, port }, onConnect)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.setNoDelay(true)
    sockets.add(socket)
    socket.once('connect', () => onConnected(`${host}:${port}`))
    socket.once('close', () => sockets.delete(socket))
    return socket
  }

  return {
    factory,
    cut() {
      isCut = true
      // An error, since that is the only end of a connection that kafkajs hears of.
      for (const socket of sockets) socket.destroy(new Error(DISCARDED))
    },
  }
}
