import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { KafkaJars } from './kafka-jars.ts'
import { classArgs } from './kafka-java.ts'

/** Kafka's own command line tools, by the names of their scripts. */
const TOOLS = {
  'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
  'kafka-configs': 'kafka.admin.ConfigCommand',
  'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  'kafka-dump-log': 'kafka.tools.DumpLogSegments',
  'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
  'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
} as const
export type KafkaToolName = keyof typeof TOOLS

const TOOL_MS_MAX = 120_000
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024

/**
 * Runs one of them to its end, with `input` as its standard input, and answers what it said on standard output. Rejects,
 * with what it said, where it failed.
 */
export async function kafkaTool(
  jars: KafkaJars,
  name: KafkaToolName,
  args: readonly string[],
  input = '',
): Promise<string> {
  const all = [
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-Dkafka.log.target=SYSTEM_ERR',
    ...classArgs(jars.folder),
    TOOLS[name],
    ...args,
  ]
  const limits = { timeout: TOOL_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX }
  const running = promisify(execFile)(jars.java, all, limits)
  running.child.stdin!.end(input)
  try {
    return (await running).stdout
  } catch (error) {
    // Some say what is wrong on standard output.
    throw new Error(`${name} failed: ${(error as { stdout: string }).stdout}`, { cause: error })
  }
}
