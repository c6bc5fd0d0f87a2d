import { Kafka, logLevel } from 'kafkajs'
import { describeWith, service } from './services.ts'

/**
 * The Kafka that all test files of a run share; importing this starts it. Files of the project `services` run one after
 * another, so that each has it to itself: `cleanKafka` before a test makes it as good as new.
 */
const shared = await service('kafka')

const GROUP_GONE_TRIES = 60
const GROUP_GONE_MS = 250

/** A block of tests on the shared Kafka. `brokers`: what KAFKA_BROKERS lists. */
export function withKafka(name: string, tests: (brokers: string[]) => void): void {
  describeWith(name, shared, ({ brokers }) => tests([...brokers]))
}

/** Deletes every topic and every group, waiting for members that were killed to be given up. */
export async function cleanKafka(): Promise<void> {
  if (!('value' in shared)) return
  const kafka = new Kafka({
    brokers: [...shared.value.brokers],
    clientId: 'clean',
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    const { groups } = await admin.listGroups()
    for (const { groupId } of groups) await deleteGroup(admin, groupId)
    const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'))
    if (topics.length > 0) await admin.deleteTopics({ topics })
  } finally {
    await admin.disconnect()
  }
}

async function deleteGroup(admin: ReturnType<Kafka['admin']>, groupId: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await admin.deleteGroups([groupId])
      return
    } catch (error) {
      if (tries === GROUP_GONE_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, GROUP_GONE_MS))
    }
  }
}
