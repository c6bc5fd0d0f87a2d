import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { BenchRow } from './row.ts'

/**
 * What we claim about speed, measured again.
 *
 *     npm run bench                    all of it, written to bench/RESULTS.md
 *     npm run bench -- book            one, as a table
 *     npm run bench -- book --json     one, as a JSON array and nothing else on standard output
 *
 * Exit 1 where a bound does not hold, 2 for a name that is none.
 */
const benches: Readonly<Record<string, () => Promise<{ run(): Promise<BenchRow[]> }>>> = {
  book: () => import('./book.ts'),
  kafka: () => import('./kafka.ts'),
  log: () => import('./log.ts'),
  process: () => import('./process.ts'),
  venues: () => import('./venues.ts'),
}

const SAYS: Readonly<Record<string, string>> = {
  book: 'From the bytes of a full Coinbase book to the bytes handed to the log, every level validated.',
  kafka:
    'On a real Kafka and a real PostgreSQL of this machine, beside bare kafkajs and beside others doing the same work.',
  log: 'To durable records, and from there to a follower in another process.',
  process: 'From the log through all processors into the store.',
  venues: 'From the frames of a venue to a book in step.',
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('--'))
  const unknown = names.filter((name) => benches[name] === undefined)
  if (unknown.length > 0) {
    process.stderr.write(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`)
    return 2
  }
  const json = args.includes('--json')
  const only = names.length === 1 && json ? names[0] : undefined
  const results =
    only === undefined
      ? (names.length === 0 ? Object.keys(benches) : names).map((name) => ({ name, rows: apart(name) }))
      : [{ name: only, rows: await (await benches[only]!()).run() }]
  const rows = results.flatMap((result) => result.rows)
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : results.map(section).join('\n'))
  if (names.length === 0) writeFileSync('bench/RESULTS.md', document(results))
  return rows.every(({ holds }) => holds !== false) ? 0 : 1
}

/** Each bench has a process of its own, so that none is warmed up, or weighed down, by the one before. */
function apart(name: string): BenchRow[] {
  process.stderr.write(`measuring ${name} ...\n`)
  const self = fileURLToPath(import.meta.url)
  const { status, stdout } = spawnSync(process.execPath, [...process.execArgv, self, name, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  })
  if (stdout.trim() === '') throw new Error(`bench ${name} broke off with ${status}`)
  return JSON.parse(stdout) as BenchRow[]
}

type Result = { readonly name: string; readonly rows: readonly BenchRow[] }

function document(results: readonly Result[]): string {
  const processors = cpus()
  const machine = `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`
  return [
    '# What we measured',
    '',
    'Written by `npm run bench`. Every figure is a median; everything in one row was measured in turns within one run, so',
    'that ratios mean more than values.',
    '',
    `- machine: ${machine}`,
    `- Node ${process.version}`,
    `- date: ${new Date().toISOString().slice(0, 10)}`,
    '',
    ...results.map(section),
  ].join('\n')
}

function section({ name, rows }: Result): string {
  return `## ${name}\n\n${SAYS[name]}\n\n${table(rows)}\n`
}

function table(rows: readonly BenchRow[]): string {
  const head = ['what', 'value', 'beside', 'ratio', 'bound', 'holds']
  const cells = rows.map((row) => [
    row.name,
    `${figure(row.value)} ${row.unit}`,
    row.reference,
    figure(row.ratio),
    row.bound ?? '',
    verdict(row.holds),
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)))
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, i) => text.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n')
}

function verdict(holds: boolean | null): string {
  return holds === null ? '' : holds ? 'yes' : '**no**'
}

/** Three digits that mean something, whole numbers above a hundred. */
function figure(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)))
}

process.exit(await main(process.argv.slice(2)))
