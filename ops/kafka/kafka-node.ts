import { join } from 'node:path'
import { EngineError } from '../../src/models/engine-error.ts'
import { type OwnedProcess, startOwned } from '../owned-process.ts'
import type { KafkaJars } from './kafka-jars.ts'
import { classArgs, resourceFile } from './kafka-java.ts'

/** Alone on an idle machine a broker takes 3 s, three of them on a machine at its limit ten times as long. */
const START_MS_MAX = 120_000

/** Below the 10 s after which our commands end themselves. */
const STOP_GRACE_MS = 8_000

const STARTED = /Kafka Server started/

/** Starts sooner and stays small, at half the speed once warm: the code is never compiled in earnest. */
const JVM_QUICK = ['-Xms64m', '-Xmx320m', '-XX:TieredStopAtLevel=1']
const JVM_FAST = ['-Xms256m', '-Xmx512m']
const JVM = ['-XX:+UseSerialGC', '-XX:MaxMetaspaceSize=160m', '-Xss512k', '-Djava.awt.headless=true']

export type NodeOptions = {
  readonly id: number
  readonly jars: KafkaJars
  readonly dataDir: string
  readonly port: number
  readonly properties: Readonly<Record<string, string>>
  /** Made for long work rather than a quick start. */
  readonly fast: boolean
  readonly stop?: AbortSignal | undefined
}

/** One broker: a Java process that is also one of the cluster's controllers. */
export class KafkaNode {
  readonly id: number
  readonly address: string
  readonly dataDir: string
  readonly logFile: string
  readonly #options: NodeOptions
  #process: OwnedProcess | undefined

  constructor(options: NodeOptions) {
    this.id = options.id
    this.address = `127.0.0.1:${options.port}`
    this.dataDir = options.dataDir
    this.logFile = join(options.dataDir, 'server.log')
    this.#options = options
  }

  /** Of the Java process; undefined before the first start. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves with how the process ended (`exit 1`, `SIGKILL`) when it does. */
  get ended(): Promise<string> {
    return this.#process?.ended ?? Promise.resolve('not started')
  }

  /** Resolves when it serves clients; of a cluster of three, at least one other must be starting or there. */
  async start(): Promise<void> {
    const { jars, stop } = this.#options
    stop?.throwIfAborted()
    let sawStarted: () => void = () => {}
    const started = new Promise<void>((resolve) => {
      sawStarted = resolve
    })
    const owned = await startOwned(jars.java, this.#javaArgs(), {
      logFile: this.logFile,
      onLine: (line) => STARTED.test(line) && sawStarted(),
    })
    this.#process = owned
    const timer = setTimeout(() => owned.signal('SIGKILL'), START_MS_MAX)
    const giveUp = () => owned.signal('SIGKILL')
    stop?.addEventListener('abort', giveUp, { once: true })
    if (stop?.aborted) giveUp()
    const end = await Promise.race([started, owned.ended])
    clearTimeout(timer)
    stop?.removeEventListener('abort', giveUp)
    stop?.throwIfAborted()
    if (end !== undefined) throw this.#startError(end, owned.lastLines())
  }

  #javaArgs(): string[] {
    const { jars, fast, dataDir, properties } = this.#options
    const overrides = Object.entries({ ...properties, 'log.dirs': dataDir })
    return [
      ...JVM,
      ...(fast ? JVM_FAST : JVM_QUICK),
      ...classArgs(jars.folder),
      'kafka.Kafka',
      resourceFile('server.properties'),
      ...overrides.flatMap(([name, value]) => ['--override', `${name}=${value}`]),
    ]
  }

  #startError(end: string, said: string): EngineError {
    const { port } = this.#options
    if (/Address already in use/.test(said)) return portTaken(port)
    const why = end === 'SIGKILL' ? `did not start within ${START_MS_MAX / 1_000} s` : `ended with ${end}`
    return new EngineError('service-failed', `Kafka broker ${this.id} ${why}:\n${said}`, {
      hint: `its whole log is ${this.logFile}`,
    })
  }

  /** kill -9. Resolves when it is gone. */
  async crash(): Promise<void> {
    this.#process?.signal('SIGKILL')
    await this.ended
  }

  /** Stands still with all its connections open, as in a long pause of a garbage collector, until `resume`. */
  pause(): void {
    this.#process?.signal('SIGSTOP')
  }

  resume(): void {
    this.#process?.signal('SIGCONT')
  }

  /** The same data on the same port, after `crash` or `stop`; a running one is stopped first. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** In order; by force where that takes too long. */
  async stop(graceMs = STOP_GRACE_MS): Promise<void> {
    await this.#process?.stop(graceMs)
  }
}

export function portTaken(port: number): EngineError {
  return new EngineError('service-failed', `port ${port} of 127.0.0.1 is taken`, {
    hint: 'stop what listens there, or choose another with --port',
  })
}
