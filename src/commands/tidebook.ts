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

/** For an option that may be given several times. */
function listed(text: string, before: readonly string[]): string[] {
  return [...before, text]
}

const TAIL_FORMS = `
Ranges, for -o (T: 2026-11-21, 2026-11-21T10:00:00Z, -5m, or s, ms, us, ns since 1970):
  start, end            the oldest record kept; behind the newest
  +5, -10               so many after the start; so many before the end; of every partition
  12345, 100:200, :200  from an offset on; up to another, which is not included
  :end                  up to the end as it is now
  @T, @T:end, @T1:T2    by the time of appending; T2 may be a length, such as 1h
Templates, for -f:
  %t topic  %p partition  %o offset  %k key  %v value  %h headers  %d milliseconds since 1970  %%  \\n  \\t
A value that is not UTF-8 text is written in base64.`

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

verb(
  'ingest',
  'take books, trades and tickers from the venues, publish them',
  ['tidebook ingest', 'all of VENUES'],
  ['tidebook ingest --venue binance', 'one of them'],
)
  .option('--venue <venue>', 'only this one of VENUES')
  .option('--from-capture <path>', 'play what `capture` wrote, a file or a folder, instead of asking anybody')
  .option(
    '--speed <factor>',
    'with --from-capture: so many times as fast as it was (default: as fast as it goes)',
  )
  .action((raw: { venue?: string; fromCapture?: string; speed?: string }) =>
    run('ingest', async (context) => {
      if (raw.fromCapture === undefined) return (await import('./ingest.ts')).ingest(context, raw)
      const { ingestCapture } = await import('./ingest-capture.ts')
      return ingestCapture(context, { path: raw.fromCapture, speedText: raw.speed })
    }),
  )

verb(
  'capture',
  'write down what the venues send, to be played again: ingest --from-capture',
  ['tidebook capture', 'everything VENUES names, until Ctrl-C'],
  ['tidebook capture deribit BTC-USD-PERP --for 1m', 'evidence of one product'],
)
  .argument('[venue]', 'only this venue')
  .argument('[products]', 'its products, such as BTC-USD,ETH-USD (default: those of VENUES)')
  .option('--for <duration>', 'end after so long, such as 10m')
  .option('--folder <path>', 'where to (default: DATA_DIR/captures)')
  .action((venue: string | undefined, products: string | undefined, raw: { for?: string; folder?: string }) =>
    run('capture', async (context) =>
      (await import('./capture.ts')).capture(context, { venue, products, forText: raw.for, ...raw }),
    ),
  )

verb(
  'simulate',
  'the five venues on this machine, in their own wire, with faults on request',
  ['tidebook simulate', 'and beside it: SIMULATOR_URL=http://127.0.0.1:7300 tidebook start'],
  ['tidebook simulate --products 400 --rate 10 --faults faults.json', 'many products, and trouble by script'],
)
  .option('--port <port>', 'where to answer; 0: any that is free (default: 7300)')
  .option('--seed <number>', 'another seed is another market (default: 1)')
  .option('--products <count>', 'so many made-up products a venue (default: a few that everybody knows)')
  .option('--rate <count>', 'changes of each book in a second (default: 10)')
  .option('--faults <file>', 'what goes wrong, and when: a JSON list of {"atMs","venue","product","fault"}')
  .option('--for <duration>', 'end after so long, such as 10m')
  .action((raw: Raw) =>
    run('simulate', async (context) => {
      const { parseSimulateOptions, simulate } = await import('./simulate.ts')
      return simulate(context, parseSimulateOptions(raw))
    }),
  )

verb('process', 'bring the tables up to the end of the log, and keep them there')
  .option('--accept-log', 'go on where the log was replaced or has lost its tail, with what it holds now')
  .action((raw: { acceptLog?: boolean }) =>
    run('process', async (context) => (await import('./process.ts')).processRecords(context, raw)),
  )

verb('schedule', 'answer the insights by the clock of INSIGHTS_CRON').action(() =>
  run('schedule', async (context) => (await import('./schedule.ts')).schedule(context)),
)

program
  .command('answer-slot', { hidden: true })
  .description('one run of schedule, in a process of its own, so that a run that hangs can be killed')
  .argument('<time>', 'its scheduled moment')
  .action((time: string) =>
    run('schedule', async (context) => (await import('./answer-slot.ts')).answerSlot(context, time)),
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

verb(
  'topics',
  'what topics there are, how much lies on them, how long it is kept',
  ['tidebook topics', 'a row each'],
  ['tidebook topics --partitions --format csv', 'a row for every partition, with where it begins and ends'],
)
  .option('--partitions', 'a row for every partition')
  .addOption(format('table', 'json', 'ndjson', 'csv'))
  .action((raw: Parameters<typeof import('./topics.ts').topics>[1]) =>
    run('topics', async (context) => (await import('./topics.ts')).topics(context, raw)),
  )

verb(
  'tail',
  'the records of a topic, each partition in the order of its offsets, then those that come, until Ctrl-C',
  ['tidebook tail books.coinbase -o -10', 'the last ten of every partition, and what comes'],
  ['tidebook tail books.coinbase -o @-5m -e -k BTC-USD', 'one product in the last five minutes, then end'],
  ["tidebook tail rejections -n 5 -f '%p %o %k %v\n'", 'five records as a template writes them'],
  ['tidebook tail insights -o @2026-11-21:1h -f ndjson', 'one hour, a JSON object a line'],
)
  .argument('<topic>', 'its name, as `tidebook topics` lists it')
  .option('-o, --offset <range>', 'where to begin, and after a colon where to end; see below', 'start')
  .option('-n, --num <count>', 'end after so many records; 0 is no bound', '0')
  .option('-e, --exit', 'end at the end of the topic as it is now, instead of waiting for more')
  .option('-p, --partitions <list>', 'only these, such as 0,2')
  .option('-k, --key <key>', 'only records with this key; may be given several times', listed, [])
  .option('-f, --format <format>', 'table, json, ndjson, value, or a template; see below', 'table')
  .addHelpText('after', TAIL_FORMS)
  .action((topic: string, raw: Parameters<typeof import('./tail.ts').tail>[2]) =>
    run('tail', async (context) => (await import('./tail.ts')).tail(context, topic, raw)),
  )

verb(
  'groups',
  'how far behind every consumer group is, and when it will have caught up',
  ['tidebook groups', 'after two looks, two seconds apart'],
  ['tidebook groups --over 30s --format json', 'a steadier slope'],
)
  .option('--over <duration>', 'time between two looks, for the slope; 0s: one look, no slope', '2s')
  .addOption(format('table', 'json', 'ndjson', 'csv'))
  .addHelpText(
    'after',
    `
Lag is by the offsets that groups have told the broker. The tables have positions of their own, which decide where
reading goes on; the broker is told them afterwards. \`tidebook status\` shows those of the tables.
BEHIND is the age of the next record to be read.`,
  )
  .action((raw: Parameters<typeof import('./groups.ts').groups>[1]) =>
    run('groups', async (context) => (await import('./groups.ts')).groups(context, raw)),
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
