import { execFile, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { readEnvironment } from '../../src/config.ts'
import { EngineError } from '../../src/models/engine-error.ts'
import { type OwnedProcess, startOwned } from '../owned-process.ts'
import { freePorts } from '../ports.ts'

export type LocalPostgresOptions = {
  /** A folder of ours alone; made and filled where it is not there. */
  readonly dataDir: string
  /** A free one where it is not given. */
  readonly port?: number
  /** Server settings that differ from ours: `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>
}

const INIT_MS_MAX = 120_000
const START_MS_MAX = 60_000
const STOP_GRACE_MS = 8_000

/** What is lost with these is lost when the machine dies, not when a process does: enough for tests and benches. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '100',
  listen_addresses: '127.0.0.1',
}

const READY = /database system is ready to accept connections/

/**
 * A real PostgreSQL of this machine's binaries, on loopback, without passwords, for tests and benches. It ends with this
 * process, however that ends. `url` names the database `postgres`.
 */
export class LocalPostgres {
  readonly url: string
  readonly #start: () => Promise<OwnedProcess>
  #process: OwnedProcess | undefined

  constructor(port: number, start: () => Promise<OwnedProcess>) {
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`
    this.#start = start
  }

  async start(): Promise<void> {
    this.#process = await this.#start()
  }

  /** kill -9 of the server; its children see that and go. Resolves when it is gone. */
  async crash(): Promise<void> {
    this.#process?.signal('SIGKILL')
    await this.#process?.ended
  }

  /** The same data on the same port. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** In order, with every session cut off; by force where that takes too long. */
  async stop(): Promise<void> {
    await this.#process?.stop(STOP_GRACE_MS, 'SIGINT')
  }
}

/** Throws an EngineError where this machine has no PostgreSQL, or it does not start. */
export async function startPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  const binaries = findBinaries()
  const user = unprivileged()
  const port = options.port ?? (await freePorts(1))[0]!
  const { dataDir } = options
  mkdirSync(dataDir, { recursive: true })
  if (user !== undefined) chownSync(dataDir, user.uid, user.gid)
  const data = join(dataDir, 'data')
  if (!existsSync(data)) await initialise(binaries, data, user)
  const settings = { ...SETTINGS, port: String(port), unix_socket_directories: dataDir, ...options.settings }
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const postgres = new LocalPostgres(port, () =>
    startServer(join(binaries, 'postgres'), args, {
      ...user,
      cwd: dataDir,
      logFile: join(dataDir, 'server.log'),
    }),
  )
  await postgres.start()
  return postgres
}

async function startServer(
  command: string,
  args: readonly string[],
  options: Partial<User> & { cwd: string; logFile: string },
): Promise<OwnedProcess> {
  let sawReady: () => void = () => {}
  const ready = new Promise<void>((resolve) => {
    sawReady = resolve
  })
  const owned = await startOwned(command, args, {
    ...options,
    onLine: (line) => READY.test(line) && sawReady(),
  })
  const timer = setTimeout(() => owned.signal('SIGKILL'), START_MS_MAX)
  const end = await Promise.race([ready, owned.ended])
  clearTimeout(timer)
  if (end === undefined) return owned
  throw new EngineError('service-failed', `PostgreSQL ended with ${end}:\n${owned.lastLines()}`)
}

async function initialise(binaries: string, data: string, user: User | undefined): Promise<void> {
  const args = ['-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  const options = { ...user, cwd: '/', timeout: INIT_MS_MAX }
  await promisify(execFile)(join(binaries, 'initdb'), args, options).catch((cause: unknown) => {
    throw new EngineError('service-failed', `initdb failed: ${(cause as Error).message}`, { cause })
  })
}

/** The folder of `initdb` and `postgres`: on the PATH, or where Debian keeps them, the newest version first. */
function findBinaries(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(readEnvironment()['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  const found = folders.find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  )
  if (found !== undefined) return found
  throw new EngineError('tool-missing', 'PostgreSQL (initdb and postgres) was not found', {
    hint: 'Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql',
  })
}

type User = { readonly uid: number; readonly gid: number }

/** PostgreSQL refuses to be root. Debian's package has made a user for it. */
function unprivileged(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  return userOf('postgres') ?? userOf('nobody')
}

function userOf(name: string): User | undefined {
  const [uid, gid] = ['-u', '-g'].map((what) => spawnSync('id', [what, name], { encoding: 'utf8' }))
  if (uid!.status !== 0) return undefined
  return { uid: Number(uid!.stdout), gid: Number(gid!.stdout) }
}
