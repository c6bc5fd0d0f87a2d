import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EngineError } from '../../src/models/engine-error.ts'
import type { KafkaJars } from './kafka-jars.ts'
import { classArgs, resourceFile } from './kafka-java.ts'

/** Every local cluster is the same one to its clients: what tells its topics apart is their ids. */
const CLUSTER_ID = 'VGlkZWJvb2tMb2NhbEthZg'

/** The one file of a formatted folder that takes a Java process to make; it is the same for every broker. */
const CHECKPOINT = 'bootstrap.checkpoint'

const FORMAT_MS_MAX = 120_000

/** Makes `<libs>/template`, from which every data folder of this version begins: so a new broker costs one Java start, not two. */
export async function makeTemplate(java: string, libs: string, stop: AbortSignal | undefined): Promise<void> {
  const [properties, folder] = [join(libs, 'format.properties'), join(libs, 'template')]
  const lines = [
    readFileSync(resourceFile('server.properties'), 'utf8'),
    'node.id=1',
    'listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2',
    'controller.quorum.voters=1@127.0.0.1:2',
    `log.dirs=${folder}`,
  ]
  writeFileSync(properties, lines.join('\n'))
  const args = [...classArgs(libs), 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties]
  await promisify(execFile)(java, args, { timeout: FORMAT_MS_MAX, ...(stop && { signal: stop }) })
  rmSync(properties)
}

/**
 * The data folder of every broker, `<dataDir>/broker-<id>`, formatted where it is new. Throws an EngineError where the data
 * is of another cluster, or of one with another number of brokers: its voters cannot be changed by starting fewer or more.
 */
export function brokerFolders(jars: KafkaJars, dataDir: string, ids: readonly number[]): string[] {
  mkdirSync(dataDir, { recursive: true })
  const there = readdirSync(dataDir).filter((name) => /^broker-\d+$/.test(name))
  if (there.length > 0 && there.length !== ids.length) {
    throw new EngineError('log-foreign', `${dataDir} holds a Kafka of ${brokersText(there.length)}`, {
      hint: `start it with as many, or use another folder for ${brokersText(ids.length)}`,
    })
  }
  return ids.map((id) => formatted(jars, join(dataDir, `broker-${id}`), id))
}

function formatted(jars: KafkaJars, folder: string, id: number): string {
  const metaFile = join(folder, 'meta.properties')
  if (existsSync(metaFile)) {
    assertOurs(folder, readFileSync(metaFile, 'utf8'), id)
    return folder
  }
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(jars.folder, 'template', CHECKPOINT), join(folder, CHECKPOINT))
  // Last, and at once: a folder that has it is a formatted one.
  writeFileSync(`${metaFile}.new`, metaProperties(id))
  renameSync(`${metaFile}.new`, metaFile)
  return folder
}

/** Brokers of a cluster refuse each other where two have the same directory id. */
function metaProperties(id: number): string {
  const directoryId = createHash('sha256').update(`${CLUSTER_ID}/${id}`).digest().subarray(0, 16)
  return `version=1\ncluster.id=${CLUSTER_ID}\nnode.id=${id}\ndirectory.id=${directoryId.toString('base64url')}\n`
}

function assertOurs(folder: string, meta: string, id: number): void {
  const values = Object.fromEntries(meta.split('\n').map((line) => line.trim().split('=', 2)))
  if (values['cluster.id'] === CLUSTER_ID && values['node.id'] === String(id)) return
  const found = `node ${values['node.id']} of cluster ${values['cluster.id']}`
  throw new EngineError('log-foreign', `${folder} holds the data of another Kafka: ${found}`, {
    hint: 'use another folder',
  })
}

function brokersText(count: number): string {
  return count === 1 ? '1 broker' : `${count} brokers`
}
