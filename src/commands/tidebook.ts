#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import type { Context } from './context.ts'
import { EXIT_USAGE, run } from './run.ts'

/** The command line: every verb, its options, and where its module is. A module is loaded only when its verb is used. */

type Raw = Record<string, unknown>

const program = new Command('tidebook')
  .description('Exchange order books into exact, gap-aware, replayable market insight.')
  .version(version())
  .addHelpText(
    'before',
    examples(
      ['tidebook demo', 'a made market and a report of it, no network'],
      ['tidebook start', 'live books of the venues in VENUES'],
      ['tidebook insights', 'one report of what there is'],
      ['tidebook status --format json', 'how fresh every feed is'],
    ),
  )
  .exitOverride()

function verb(name: string, says: string, ...uses: (readonly [string, string])[]): Command {
  return program
    .command(name)
    .description(says)
    .addHelpText('before', uses.length === 0 ? '' : examples(...uses))
}

function version(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function examples(...uses: readonly (readonly [string, string])[]): string {
  const width = Math.max(...uses.map(([use]) => use.length))
  return `Examples:\n${uses.map(([use, does]) => `  ${use.padEnd(width)}   ${does}`).join('\n')}\n`
}

function format(...choices: readonly [string, ...string[]]): Option {
  return new Option('--format <format>', 'how standard output is written')
    .choices(choices)
    .default(choices[0])
}

const DRY_RUN = ['--dry-run', 'say what would happen, change nothing'] as const

verb(
  'demo',
  'a made market with everything running on it, in DATA_DIR/demo; Ctrl-C ends it',
  ['tidebook demo', 'until Ctrl-C'],
  ['tidebook demo --for 20s', 'ends by itself'],
)
  .option('--for <duration>', 'end after so long, such as 20s')
  .action((raw: { for?: string }) =>
    run('demo', async (context) => (await import('./demo.ts')).demo(context, { forText: raw.for })),
  )

verb(
  'start',
  'everything against the configured venues: ingest, process and schedule as child processes',
).action(() => run('start', async (context) => (await import('./start.ts')).start(context)))

verb('ingest', 'poll the venues, publish their books').action(() =>
  run('ingest', async (context) => (await import('./ingest.ts')).ingest(context)),
)

verb('process', 'bring the tables up to the end of the log, and keep them there')
  .option('--accept-log', 'go on where the log was replaced or has lost its tail, with what it holds now')
  .action((raw: { acceptLog?: boolean }) =>
    run('process', async (context) => (await import('./process.ts')).processRecords(context, raw)),
  )

verb('schedule', 'answer the insights by the clock of INSIGHTS_CRON').action(() =>
  run('schedule', async (context) => (await import('./schedule.ts')).schedule(context)),
)

verb(
  'generate-mock',
  'publish books of a made market, as Coinbase would send them',
  ['tidebook generate-mock --history 30m --exit', 'half an hour of the past, then end'],
  ['tidebook generate-mock --interval 1s --faults 0.05', 'live, with bad input among it'],
)
  .option('--products <list>', 'such as BTC-USD,ETH-USD (default: those of VENUES)')
  .option('--history <duration>', 'how much of the past to make first (default: 30m)')
  .option('--until <time>', 'make the past up to this ISO time, then end')
  .option('--interval <duration>', 'time between two books of a product (default: 5s)')
  .option('--levels <count>', 'levels a side (default: 50)')
  .option('--seed <number>', 'another seed is another market (default: 1)')
  .option('--faults <share>', 'share of bodies that cannot be used, 0..1 (default: 0)')
  .option('--crossed <share>', 'share of books whose bid is above the ask, 0..1 (default: 0)')
  .option('--count <number>', 'end after so many ticks of each product')
  .option('--exit', 'end when the past is made')
  .action((raw: Raw) =>
    run('generate-mock', async (context) => {
      const { generateMock, parseGenerateMockOptions } = await import('./generate-mock.ts')
      return generateMock(context, parseGenerateMockOptions(raw, context.config))
    }),
  )

verb(
  'insights',
  'one report of every insight, from what the log holds now',
  ['tidebook insights', 'for people'],
  ['tidebook insights --insight mid-price-forecast --product BTC-USD --format json', 'for programs'],
)
  .option('--insight <name>', 'only this one')
  .option('--product <product>', 'only this product, such as BTC-USD')
  .option('--venue <venue>', 'only this venue')
  .option('--source <source>', 'only this source, such as mock')
  .addOption(format('text', 'json', 'csv'))
  .action((raw: Parameters<typeof import('./insights.ts').insights>[1]) =>
    run('insights', async (context) => (await import('./insights.ts')).insights(context, raw)),
  )

verb(
  'status',
  'how fresh every feed is, how far the tables are, what lies on the disk; exit 1 when something is stale',
)
  .addOption(format('table', 'json'))
  .action((raw: { format: 'table' | 'json' }) =>
    run('status', async (context) => (await import('./status.ts')).status(context, raw)),
  )

verb(
  'rejections',
  'input that could not be used: look at it, send it again after a fix',
  ['tidebook rejections', 'the latest'],
  ['tidebook rejections groups', 'counted by kind and path'],
  ['tidebook rejections show ID', 'one of them, with its bytes'],
  ['tidebook rejections resend --kind wrong-shape --dry-run', 'what would be sent again'],
)
  .argument('[action]', 'list, groups, show or resend', 'list')
  .argument('[ids...]', 'which rejections')
  .option('--kind <kind>', 'only this kind')
  .option(...DRY_RUN)
  .addOption(format('table', 'json'))
  .action(
    (action: string, ids: string[], raw: { kind?: string; dryRun?: boolean; format: 'table' | 'json' }) =>
      run('rejections', async (context) =>
        (await import('./rejections.ts')).rejections(context, { action, ids, ...raw }),
      ),
  )

verb('rebuild', 'make a table again from the log, while everything goes on', [
  'tidebook rebuild best-prices --dry-run',
  'how far back the log reaches',
])
  .argument('<name>', 'of the processor')
  .option(...DRY_RUN)
  .action((name: string, raw: { dryRun?: boolean }) =>
    run('rebuild', async (context) => (await import('./rebuild.ts')).rebuild(context, { name, ...raw })),
  )

verb('verify', 'check that log and tables add up; exit 1 where they do not').action(() =>
  run('verify', async (context) => (await import('./verify.ts')).verify(context)),
)

verb(
  'config',
  'the settings in force, secrets hidden',
  ['tidebook config', 'what is set, and what stands at its default'],
  ['tidebook config --example > .env', 'the sample file'],
)
  .option('--example', 'print .env.example instead')
  .action((raw: { example?: boolean }) =>
    run('config', async (context: Context) => (await import('./config.ts')).config(context, raw)),
  )

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE)
}
