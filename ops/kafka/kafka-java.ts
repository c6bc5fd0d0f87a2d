import { execFile } from 'node:child_process'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readEnvironment } from '../../src/config.ts'
import { EngineError } from '../../src/models/engine-error.ts'

/** Kafka 4.x brokers need it. */
const JAVA_MIN = 17

/** What is not TypeScript stays beside the sources; compiled, this file lies in dist/ops/kafka. */
const FROM_HERE = extname(import.meta.url) === '.js' ? '../../../ops/kafka/' : './'

/** A file of ours that Java or Maven reads. */
export function resourceFile(name: 'pom.xml' | 'server.properties' | 'log4j2.properties'): string {
  return fileURLToPath(new URL(`${FROM_HERE}${name}`, import.meta.url))
}

/** What stands before the class's name wherever a Java program of Kafka is started. `libs`: a folder of jars. */
export function classArgs(libs: string): string[] {
  return [`-Dlog4j2.configurationFile=${resourceFile('log4j2.properties')}`, '-cp', join(libs, '*')]
}

/** The `java` of JAVA_HOME, else that of the PATH. Throws an EngineError where it is missing or too old. */
export async function findJava(): Promise<string> {
  const home = readEnvironment()['JAVA_HOME']
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java')
  const hint =
    'Debian and Ubuntu: apt-get install default-jre-headless; macOS: brew install openjdk; or set JAVA_HOME'
  const needs = `Kafka needs Java ${JAVA_MIN} or newer`
  const ran = await promisify(execFile)(java, ['-version']).catch((cause: unknown) => {
    throw new EngineError('tool-missing', `${needs}: ${java} does not run`, { hint, cause })
  })
  // openjdk version "17.0.15" 2025-04-15
  const found = /version "([\d.]+)/.exec(ran.stderr)?.[1] ?? 'of an unknown version'
  if (Number.parseInt(found, 10) >= JAVA_MIN) return java
  throw new EngineError('tool-missing', `${needs}: ${java} is ${found}`, { hint })
}
