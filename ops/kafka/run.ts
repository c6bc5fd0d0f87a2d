import { resolve } from 'node:path'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import type { Context } from '../../src/commands/context.ts'
import { EXIT_USAGE, run } from '../../src/commands/run.ts'
import { KAFKA_VERSION, kafkaJars } from './kafka-jars.ts'
import { type LocalKafka, startKafka } from './local-kafka.ts'

/** `npm run kafka`: a real Apache Kafka on this machine, without Docker, until Ctrl-C. */

const PORT = 19_092

type Options = {
  readonly brokers: '1' | '3'
  readonly port: number
  readonly data?: string
  readonly version: string
  readonly fetch?: true
}

const program = new Command('kafka')
  .description('Apache Kafka on this machine, until Ctrl-C. Needs Java 17 and, the first time, Maven.')
  .addOption(new Option('--brokers <count>', 'brokers of the cluster').choices(['1', '3']).default('1'))
  .option('--port <port>', "of the first broker; the others' follow it", portNumber, PORT)
  .option('--data <folder>', 'where its data is kept (default: kafka in DATA_DIR)')
  .option('--version <version>', 'of Apache Kafka', KAFKA_VERSION)
  .option('--fetch', 'only fetch what it is made of, then end')
  .exitOverride()
  .action((options: Options) => run('kafka', (context) => serve(context, options)))

async function serve(context: Context, options: Options): Promise<number> {
  const { config, log, out, stop } = context
  const home = resolve(config.dataDir, 'kafka')
  try {
    const say = (line: string) => log.info(line)
    const jars = await kafkaJars({ cacheDir: home, version: options.version, stop, say })
    if (options.fetch) return 0
    const brokers = options.brokers === '3' ? 3 : 1
    const dataDir = resolve(options.data ?? `${home}/data`)
    log.info({ version: jars.version, brokers, dataDir }, 'starting Kafka')
    const kafka = await startKafka({ jars, dataDir, brokers, port: options.port, fast: true, stop })
    out(howToUse(kafka))
    return await untilStopped(kafka, context)
  } catch (error) {
    if (stop.aborted) return 0
    throw error
  }
}

/** 0 when told to stop, 1 when a broker went down by itself. */
async function untilStopped(kafka: LocalKafka, { log, stop }: Context): Promise<number> {
  const told = new Promise<undefined>((done) => {
    stop.addEventListener('abort', () => done(undefined), { once: true })
  })
  const fallen = await Promise.race([
    told,
    ...kafka.nodes.map((node) => node.ended.then((end) => ({ node, end }))),
  ])
  if (fallen !== undefined) {
    log.error({ logFile: fallen.node.logFile }, `broker ${fallen.node.id} is gone (${fallen.end})`)
  }
  await kafka.stop()
  return fallen === undefined ? 0 : 1
}

/** The first line can be pasted into a shell or .env, or read by a script. */
function howToUse({ brokers }: LocalKafka): string {
  const list = brokers.map((address) => address.replace('127.0.0.1', 'localhost')).join(',')
  return `KAFKA_BROKERS=${list}

Kafka is ready. In other terminals, or with the line above in .env:
  KAFKA_BROKERS=${list} npm start
  KAFKA_BROKERS=${list} npm run topics
Ctrl-C stops it; its data is kept.
`
}

function portNumber(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1024 && port <= 65_000) return port
  throw new InvalidArgumentError('expected 1024..65000')
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE)
}
