import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const BIN = resolve('dist/ops/kafka/run.js')
const folder = mkdtempSync(join(tmpdir(), 'tidebook-run-kafka-'))
afterAll(() => rmSync(folder, { recursive: true }))

const JAVA_17 = ['java', 'echo \'openjdk version "17.0.15" 2025-04-15\' >&2'] as const
const JAVA_11 = ['java', 'echo \'openjdk version "11.0.2" 2019-01-15\' >&2'] as const
const JAVA_8 = ['java', 'echo \'java version "1.8.0_402"\' >&2'] as const
const BROKEN_JAVA = ['java', 'exit 127'] as const
const OFFLINE_MVN = ['mvn', 'echo "[ERROR] Unknown host repo.maven.apache.org"; exit 1'] as const
/** Fetches one jar, then fails. */
const HALF_MVN = ['mvn', `for last; do :; done; : >"\${last#*=}/a.jar"; exit 1`] as const

describe('npm run kafka', () => {
  const cases: [string, readonly (readonly [string, string])[], string][] = [
    ['without Java', [], 'Kafka needs Java 17 or newer: java does not run'],
    ['with a broken Java', [BROKEN_JAVA], 'Kafka needs Java 17 or newer: java does not run'],
    ['with Java 8', [JAVA_8], 'Kafka needs Java 17 or newer: java is 1.8.0'],
    ['with Java 11', [JAVA_11], 'Kafka needs Java 17 or newer: java is 11.0.2'],
    ['without Maven', [JAVA_17], 'Maven (mvn) is needed once'],
    ['without Maven Central', [JAVA_17, OFFLINE_MVN], 'Unknown host repo.maven.apache.org'],
    ['when the fetch breaks off', [JAVA_17, HALF_MVN], 'Maven could not fetch Kafka 4.1.1'],
  ]
  test.each(cases)('%s says what is missing, exits 1, and leaves nothing half done', (_, tools, message) => {
    const dataDir = mkdtempSync(join(folder, 'data-'))
    const ran = runKafka([], { DATA_DIR: dataDir, PATH: pathWith(tools) })
    expect(ran.stderr).toContain(message)
    expect(ran.stderr).toContain('hint: ')
    expect(ran.status).toBe(1)
    expect(filesBelow(dataDir)).toEqual([])
  })

  const wrong: [string[], string][] = [
    [['--brokers', '2'], "'2' is invalid"],
    [['--port', '80'], 'expected 1024..65000'],
    [['--port', 'x'], 'expected 1024..65000'],
    [['--replicas', '3'], "unknown option '--replicas'"],
  ]
  test.each(wrong)('%s is a wrong use of it: exit 2', (args, message) => {
    const ran = runKafka(args, { PATH: pathWith([]) })
    expect(ran.stderr).toContain(message)
    expect(ran.status).toBe(2)
  })
})

function runKafka(args: readonly string[], env: Record<string, string>) {
  return spawnSync(process.execPath, [BIN, ...args], { cwd: folder, env, encoding: 'utf8' })
}

/** A PATH that has these programs, a shell, and no others. */
function pathWith(tools: readonly (readonly [string, string])[]): string {
  const bin = mkdtempSync(join(folder, 'bin-'))
  for (const [name, script] of tools)
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return bin
}

function filesBelow(dir: string): string[] {
  return (readdirSync(dir, { recursive: true }) as string[]).filter((path) => path !== 'kafka')
}
