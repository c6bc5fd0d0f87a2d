import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { coinbase, RestBook } from '../src/ingest/coinbase.ts'
import type { BodyAbout } from '../src/ingest/venue.ts'
import { encodeBook } from '../src/models/product-book.ts'
import { type BenchRow, holds, interleaved } from './row.ts'

/**
 * From the bytes of a Coinbase body to the bytes handed to `publish`, every level validated, against JSON.parse of the
 * same bytes and nothing else.
 */
export async function run(): Promise<BenchRow[]> {
  const rows = [
    ...(await acceptedRows('generated', generatedBody())),
    ...(await refusedRows()),
    smallBadRow(),
  ]
  const directory = process.env['RECORDINGS_DIR']
  if (directory !== undefined) rows.push(...(await acceptedRows('recorded', recordedBody(directory))))
  return rows
}

const BIDS = 18_000
const ASKS = 27_000
const ROUNDS = 41
const SCHEMA_ROUNDS = 11
const BAD_BODIES_PER_SECOND_MIN = 20_000
const ABOUT: BodyAbout = {
  source: 'coinbase',
  product: 'BTC-USD',
  receivedAtMs: Date.UTC(2026, 7, 7, 20, 4, 9),
  levelsMax: 20,
}

async function acceptedRows(name: string, body: Buffer): Promise<BenchRow[]> {
  const published = () => {
    const read = coinbase.parseBook(body, ABOUT)
    if ('refusal' in read) throw new Error(`refused: ${read.refusal.path} ${read.refusal.message}`)
    return Buffer.from(encodeBook(read.book))
  }
  const ours = () => seconds(published)
  const bare = await interleaved({ ours, parse: () => seconds(() => JSON.parse(body.toString())) }, ROUNDS)
  // Apart from the others: the schema leaves so much garbage that it slows whatever runs after it.
  const schema = await interleaved(
    { ours, zod: () => seconds(() => RestBook.parse(JSON.parse(body.toString()))) },
    SCHEMA_ROUNDS,
  )
  return [
    row(
      `${name} body to published bytes`,
      bare.ours,
      'JSON.parse',
      bare.parse,
      bare.ours / bare.parse,
      '<= 0.15',
    ),
    row(
      `${name} body, against the schema`,
      schema.ours,
      'JSON.parse + zod',
      schema.zod,
      schema.zod / schema.ours,
      '>= 20',
    ),
  ]
}

/** Bodies the scanner leaves to the contract, valid and not. */
async function refusedRows(): Promise<BenchRow[]> {
  const text = generatedBody().toString()
  const last = text.lastIndexOf(']],"sequence"')
  const bodies: Record<string, string | Buffer> = {
    'valid, spaced': text.replaceAll(',', ', '),
    'valid, counts as strings': text.replaceAll(/,(\d+)\]/g, ',"$1"]'),
    'valid, an escaped key': text.replace('"bids"', '"\\u0062ids"'),
    'valid, 10 MB of 38-digit prices': longPrices(),
    'last price zero': `${text.slice(0, last)}],["0","1",1${text.slice(last)}`,
    'last price twice': `${text.slice(0, last)}],["99999999999","1",1],["99999999999.0","1",1${text.slice(last)}`,
    'time of another kind': text.replace('"time":"', '"time":"on '),
    'cut off': text.slice(0, -30),
    'not UTF-8 at its end': Buffer.from(text.replace('false', '\xff'), 'latin1'),
    '10 MB of short levels': `{"bids":[${'["1"],'.repeat(1_666_666)}["1"]],"asks":[],"sequence":1}`,
    '1 MB of nested arrays': `{"bids":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
    '10 MB of HTML': `<html>${'<p>Service unavailable</p>'.repeat(400_000)}</html>`,
  }
  const rows: BenchRow[] = []
  for (const [name, body] of Object.entries(bodies)) rows.push(await refusedRow(name, Buffer.from(body)))
  return rows
}

async function refusedRow(name: string, body: Buffer): Promise<BenchRow> {
  const { ours, parse } = await interleaved(
    {
      ours: () => seconds(() => coinbase.parseBook(body, ABOUT)),
      parse: () => seconds(() => parsedOrNot(body)),
    },
    body.length > 5_000_000 ? 9 : 15,
  )
  return row(`scanner refuses: ${name}`, ours, 'JSON.parse', parse, ours / parse, '<= 2')
}

/** A venue that answers nonsense as fast as it can must not hold up the others. */
function smallBadRow(): BenchRow {
  const bodies = [
    '{"bids":[["1","1",1',
    '{"bids":[["0","1",1]],"asks":[["2","1",1]],"sequence":1}',
    '<html>no</html>',
  ].map((text) => Buffer.from(text))
  const rounds = 20_000
  const took = seconds(() => {
    for (let i = 0; i < rounds; i++) for (const body of bodies) coinbase.parseBook(body, ABOUT)
  })
  const value = (rounds * bodies.length) / took
  const ratio = value / BAD_BODIES_PER_SECOND_MIN
  const reference = `${BAD_BODIES_PER_SECOND_MIN}/s`
  return { name: 'small bad bodies', value, unit: '1/s', reference, ratio, bound: '>= 1', holds: ratio >= 1 }
}

function parsedOrNot(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    return error
  }
}

function seconds(work: () => unknown): number {
  const startNs = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - startNs) / 1e9
}

function row(
  name: string,
  ours: number,
  other: string,
  otherSeconds: number,
  ratio: number,
  bound: string,
): BenchRow {
  const reference = `${other}: ${(otherSeconds * 1000).toFixed(2)} ms`
  return { name, value: ours * 1000, unit: 'ms', reference, ratio, bound, holds: holds(ratio, bound) }
}

/** A full-size body of the real one's shape: cents near the top, round prices far out, trailing zeros cut, 1.2 MB. */
function generatedBody(): Buffer {
  const random = seeded(7)
  const bids = side(BIDS, 64_930.57, -1, random)
  const asks = side(ASKS, 64_934.09, 1, random)
  const rest =
    '"sequence":133905821961,"auction_mode":false,"auction":null,"time":"2026-08-07T20:04:08.123456Z"'
  return Buffer.from(`{"bids":[${bids}],"asks":[${asks}],${rest}}`)
}

function side(levels: number, best: number, sign: 1 | -1, random: () => number): string {
  const texts: string[] = []
  let cents = Math.round(best * 100)
  for (let i = 0; i < levels; i++) {
    texts.push(
      `["${price(cents)}","${size(random)}",${random() < 0.85 ? 1 : 1 + Math.floor(random() ** 4 * 40)}]`,
    )
    cents = nextCents(cents, i / levels, sign, random)
  }
  return texts.join(',')
}

/** Ever wider steps away from the top; a third of the prices are whole, as people choose them. */
function nextCents(cents: number, depth: number, sign: 1 | -1, random: () => number): number {
  const step = 1 + Math.floor(random() * (20 + 600 * depth))
  const next = cents + sign * step
  const whole = Math.floor(next / 100) * 100
  return random() < 0.33 && (whole - cents) * sign > 0 && whole > 0 ? whole : Math.max(next, 1)
}

function price(cents: number): string {
  return String(cents / 100)
}

function size(random: () => number): string {
  const places = random() < 0.6 ? 8 : 1 + Math.floor(random() * 7)
  return String(Number((random() ** 3 * 2 + 0.00001).toFixed(places)) || 0.00001).replace('1e-5', '0.00001')
}

function longPrices(): string {
  const level = (i: number) => `["${10n ** 19n + BigInt(i)}.${'1'.repeat(18)}","0.1",1]`
  const asks = Array.from({ length: 190_000 }, (_, i) => level(i)).join(',')
  return `{"bids":[["1","1",1]],"asks":[${asks}],"sequence":1}`
}

/** The full book of 2026-08-07, without the recorder's wrapper. */
function recordedBody(directory: string): Buffer {
  const file = `${directory}/coinbase/rest_book_level2_BTC-USD_2026-08-07.json.gz`
  const { sequence, bids, asks } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Record<
    string,
    unknown
  >
  return Buffer.from(JSON.stringify({ bids, asks, sequence }))
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
