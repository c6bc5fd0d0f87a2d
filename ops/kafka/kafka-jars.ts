import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EngineError } from '../../src/models/engine-error.ts'
import { makeTemplate } from './kafka-format.ts'
import { findJava, resourceFile } from './kafka-java.ts'

export const KAFKA_VERSION = '4.1.1'

/** Maven Central over a slow line; after that it is a line that does not work. */
const FETCH_MS_MAX = 15 * 60_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

/** A runnable Kafka: a folder of jars, and the Java to run them with. */
export type KafkaJars = { readonly version: string; readonly folder: string; readonly java: string }

export type JarsOptions = {
  /** The jars lie in `<cacheDir>/libs-<version>`. */
  readonly cacheDir: string
  readonly version?: string | undefined
  /** Ends a fetch that is under way. */
  readonly stop?: AbortSignal | undefined
  readonly say?: (line: string) => void
}

/**
 * Apache Kafka's jars, fetched with Maven where they are not there yet: once for each version and cache folder. What is half
 * fetched is never used. Throws an EngineError that says what to install where Java or Maven is missing.
 */
export async function kafkaJars(options: JarsOptions): Promise<KafkaJars> {
  const version = options.version ?? KAFKA_VERSION
  const jars = { version, folder: join(options.cacheDir, `libs-${version}`), java: await findJava() }
  if (!existsSync(jars.folder)) await fetchJars(jars, options)
  return jars
}

async function fetchJars({ version, folder, java }: KafkaJars, options: JarsOptions): Promise<void> {
  const { cacheDir, stop, say } = options
  mkdirSync(cacheDir, { recursive: true })
  const part = mkdtempSync(join(cacheDir, `part-${version}-`))
  try {
    say?.(`fetching Apache Kafka ${version} from Maven Central into ${folder}, once`)
    await runMaven(version, part, stop)
    await makeTemplate(java, part, stop)
    moveIntoPlace(part, folder)
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}

/** Another process may have fetched the same meanwhile: then its folder stays. */
function moveIntoPlace(part: string, folder: string): void {
  try {
    renameSync(part, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

async function runMaven(version: string, into: string, stop: AbortSignal | undefined): Promise<void> {
  const goal = ['dependency:copy-dependencies', `-Dkafka.version=${version}`, `-DoutputDirectory=${into}`]
  const limits = { timeout: FETCH_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX, ...(stop && { signal: stop }) }
  try {
    await promisify(execFile)('mvn', ['-B', '-q', '-f', resourceFile('pom.xml'), ...goal], limits)
  } catch (error) {
    throw mavenError(error as Error & { code?: unknown; stdout?: string }, version)
  }
}

function mavenError(error: Error & { code?: unknown; stdout?: string }, version: string): Error {
  if (error.name === 'AbortError') return error
  if (error.code === 'ENOENT') {
    return new EngineError('tool-missing', 'Maven (mvn) is needed once, to fetch Kafka, and was not found', {
      hint: 'Debian and Ubuntu: apt-get install maven; macOS: brew install maven',
      cause: error,
    })
  }
  const said = error.stdout?.split('\n').find((line) => line.includes('ERROR')) ?? error.message
  return new EngineError('service-failed', `Maven could not fetch Kafka ${version}: ${said}`, {
    retry: 'yes',
    hint: 'it needs repo.maven.apache.org, or a mirror of it in ~/.m2/settings.xml',
    cause: error,
  })
}
