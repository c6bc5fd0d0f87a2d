import { join } from 'node:path'
import { type Lock, takeLock } from '../../src/broker/os-lock.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { freePorts, isPortFree } from '../ports.ts'
import { brokerFolders } from './kafka-format.ts'
import type { KafkaJars } from './kafka-jars.ts'
import { KafkaNode, portTaken } from './kafka-node.ts'

export type LocalKafkaOptions = {
  readonly jars: KafkaJars
  /** Data and logs of every broker: `<dataDir>/broker-<id>`. */
  readonly dataDir: string
  /** 1 by default. Three keep going when any one of them dies. */
  readonly brokers?: 1 | 3
  /** The first broker's; the others follow it, controllers a hundred above, logins two hundred. Free ones where it is not given. */
  readonly port?: number | undefined
  /** Server properties that differ from ours. */
  readonly overrides?: Readonly<Record<string, string>>
  /** Who may come in by `loginBrokers` (SASL PLAIN, without TLS). `brokers` stay open to everybody. */
  readonly login?: { readonly username: string; readonly password: string }
  /** Made for long work rather than a quick start: for benches and for people. */
  readonly fast?: boolean
  /** Ends a start that is under way. */
  readonly stop?: AbortSignal | undefined
}

/** A running cluster. Its brokers die with this process, however that ends. */
export type LocalKafka = {
  /** What a client bootstraps from: `127.0.0.1:19092`. */
  readonly brokers: readonly string[]
  /** The same brokers, where `login` is asked for; none where nobody may come in so. */
  readonly loginBrokers: readonly string[]
  readonly nodes: readonly KafkaNode[]
  /** By its id, from 1. */
  node(id: number): KafkaNode
  /** All brokers, in order; by force where that takes too long. */
  stop(): Promise<void>
}

const CONTROLLERS_ABOVE = 100
const LOGINS_ABOVE = 200

/** Of a cluster of three, two are enough to go on with, and every record lies on two before it is acknowledged. */
const ENOUGH_OF_THREE = 2

type Ports = { readonly broker: number; readonly controller: number; readonly login: number }

/**
 * Starts a real Apache Kafka on loopback: brokers that are controllers too, on data that is kept between starts. Resolves
 * when all of them serve clients. Throws an EngineError where a port is taken, the data is another cluster's or in use, or a
 * broker does not start; none is left running then.
 */
export async function startKafka(options: LocalKafkaOptions): Promise<LocalKafka> {
  const lock = lockFolder(options.dataDir)
  try {
    const ports = await choosePorts(options.brokers ?? 1, options.port)
    const nodes = await startNodes(options, ports)
    return {
      brokers: nodes.map(({ address }) => address),
      loginBrokers: options.login === undefined ? [] : ports.map(loginAddress),
      nodes,
      node: (id) => nodes[id - 1]!,
      stop: () => Promise.all(nodes.map((node) => node.stop())).then(() => lock.release()),
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Kafka's own lock comes too late: a second one has written to the log of the cluster's metadata before it meets it. */
function lockFolder(dataDir: string): Lock {
  const lock = takeLock(join(dataDir, 'lock.db'), {
    does: 'kafka',
    startedAtMs: Math.round(performance.timeOrigin),
  })
  if ('release' in lock) return lock
  const holder = lock.heldBy === null ? '' : ` (started by process ${lock.heldBy.pid})`
  throw new EngineError('lock-held', `another Kafka${holder} is at work on ${dataDir}`, {
    hint: 'stop it, or use another folder',
  })
}

/** What fails first ends the others. */
async function startNodes(options: LocalKafkaOptions, ports: readonly Ports[]): Promise<KafkaNode[]> {
  const failed = new AbortController()
  const stop = AbortSignal.any([failed.signal, ...(options.stop ? [options.stop] : [])])
  const nodes = makeNodes({ ...options, stop }, ports)
  await Promise.all(nodes.map((node) => node.start().catch((error: unknown) => failed.abort(error))))
  if (!stop.aborted) return nodes
  await Promise.all(nodes.map((node) => node.crash()))
  throw stop.reason
}

function makeNodes(options: LocalKafkaOptions, ports: readonly Ports[]): KafkaNode[] {
  const { jars, dataDir, brokers = 1, overrides, login, fast = false, stop } = options
  const ids = Array.from({ length: brokers }, (_, i) => i + 1)
  const folders = brokerFolders(jars, dataDir, ids)
  const voters = ids.map((id, i) => `${id}@127.0.0.1:${ports[i]!.controller}`).join(',')
  return ids.map((id, i) => {
    const properties = {
      ...nodeProperties(id, ports[i]!, login),
      ...clusterProperties(brokers, voters),
      ...overrides,
    }
    return new KafkaNode({ id, jars, dataDir: folders[i]!, port: ports[i]!.broker, properties, fast, stop })
  })
}

async function choosePorts(count: number, first: number | undefined): Promise<Ports[]> {
  const indexes = Array.from({ length: count }, (_, i) => i)
  if (first === undefined) {
    const free = await freePorts(3 * count)
    return indexes.map((i) => ({
      broker: free[3 * i]!,
      controller: free[3 * i + 1]!,
      login: free[3 * i + 2]!,
    }))
  }
  const chosen = indexes.map((i) => ({
    broker: first + i,
    controller: first + i + CONTROLLERS_ABOVE,
    login: first + i + LOGINS_ABOVE,
  }))
  for (const port of chosen.flatMap((ports) => Object.values(ports))) {
    if (!(await isPortFree(port))) throw portTaken(port)
  }
  return chosen
}

function nodeProperties(id: number, ports: Ports, login: LocalKafkaOptions['login']): Record<string, string> {
  const open = `PLAINTEXT://127.0.0.1:${ports.broker}`
  const guarded = login === undefined ? '' : `,LOGIN://${loginAddress(ports)}`
  return {
    'node.id': String(id),
    listeners: `${open}${guarded},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `${open}${guarded}`,
    ...(login && {
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.login.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${login.username}="${login.password}";`,
    }),
  }
}

function loginAddress({ login }: Ports): string {
  return `127.0.0.1:${login}`
}

/** Voters that are written down work with every version, and need nothing of who formats a folder. */
function clusterProperties(brokers: number, voters: string): Record<string, string> {
  const [copies, enough] = [String(brokers), String(Math.min(brokers, ENOUGH_OF_THREE))]
  return {
    'controller.quorum.voters': voters,
    'default.replication.factor': copies,
    'min.insync.replicas': enough,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': enough,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': enough,
  }
}
