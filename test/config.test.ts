import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Config, type Environment, effectiveSettings, exampleEnv, loadConfig } from '../src/config.ts'
import { editDistance, nearestName } from '../src/config-text.ts'
import { EngineError } from '../src/models/engine-error.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidebook-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('defaults', () => {
  test('an empty environment is a good one', () => {
    expect(loadConfig({})).toMatchObject({
      dataDir: 'data',
      logLevel: 'info',
      venues: [{ venue: 'coinbase', patterns: ['BTC-USD', 'ETH-USD', 'SOL-USD', 'XRP-USD'] }],
      feeds: ['books', 'trades', 'tickers'],
      coinbaseBooks: 'rest',
      bookIntervalMs: 100,
      simulatorUrl: undefined,
      coinbaseRestUrl: 'https://api.exchange.coinbase.com',
      pollMs: 5_000,
      windowsMs: [300_000],
      lateMaxMs: 3_600_000,
      insightsCron: '*/5 * * * *',
      booksRetentionMs: 604_800_000,
      booksRetentionBytes: 10_000_000_000,
      slackWebhookUrl: undefined,
    })
  })

  test('an empty variable is an unset one', () => {
    expect(loadConfig({ POLL_MS: '', SMTP_URL: ' ' })).toEqual(loadConfig({}))
  })

  test('nobody changes the settings afterwards', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true)
  })

  test('.env.example is the one that `tidebook config --example` prints', () => {
    expect(readFileSync('.env.example', 'utf8')).toBe(exampleEnv())
  })

  test('.env.example names every variable of ours, commented out, each line accepted: a default, or where there is none an example', () => {
    const lines = exampleEnv().match(/^# [A-Z_]+=.*$/gm) ?? []
    const env = Object.fromEntries(lines.map((line) => line.slice(2).replaceAll('"', '').split('=', 2)))
    const databaseUrl = 'postgres://tidebook:password@localhost:5432/tidebook'
    const simulatorUrl = 'http://127.0.0.1:7300'
    const examples = { kafkaBrokers: ['localhost:19092'], databaseUrl, simulatorUrl }
    expect(loadConfig(env)).toEqual({ ...loadConfig({}), ...examples })
    expect(Object.keys(env)).toEqual(
      effectiveSettings({}).flatMap(({ name }) => (name === 'NO_COLOR' ? [] : [name])),
    )
    expect(exampleEnv()).not.toMatch(/^[^#\n]/m)
  })
})

describe('what a variable may say', () => {
  const good: [string, string, Partial<Config>][] = [
    ['LOG_LEVEL', 'INFO', { logLevel: 'info' }],
    ['LOG_LEVEL', 'Warning', { logLevel: 'warn' }],
    [
      'VENUES',
      'coinbase:BTC-USD, ETH-EUR',
      { venues: [{ venue: 'coinbase', patterns: ['BTC-USD', 'ETH-EUR'] }] },
    ],
    [
      'VENUES',
      'binance:*USDT; deribit:BTC-USD-PERP,*-*-PERP',
      {
        venues: [
          { venue: 'binance', patterns: ['*USDT'] },
          { venue: 'deribit', patterns: ['BTC-USD-PERP', '*-*-PERP'] },
        ],
      },
    ],
    ['FEEDS', 'Trades, books', { feeds: ['trades', 'books'] }],
    ['COINBASE_BOOKS', 'level2_batch', { coinbaseBooks: 'level2_batch' }],
    ['TRADES_RETENTION', '5m', { tradesRetentionMs: 300_000 }],
    ['COINBASE_REST_URL', 'http://127.0.0.1:8080/', { coinbaseRestUrl: 'http://127.0.0.1:8080' }],
    ['COINBASE_REST_URL', 'https://h.example/api//', { coinbaseRestUrl: 'https://h.example/api' }],
    ['WINDOWS', '1m,5m, 1h', { windowsMs: [60_000, 300_000, 3_600_000] }],
    ['BOOK_LEVELS', '1000', { bookLevels: 1_000 }],
    ['BOOKS_RETENTION_BYTES', '2GiB', { booksRetentionBytes: 2_147_483_648 }],
    ['BOOKS_RETENTION_BYTES', '500 mb', { booksRetentionBytes: 500_000_000 }],
    ['INSIGHTS_CRON', '*/10 * * * * *', { insightsCron: '*/10 * * * * *' }],
  ]
  test.each(good)('%s=%s is understood', (name, text, expected) => {
    expect(loadConfig({ [name]: text })).toMatchObject(expected)
  })

  const bad: [string, string][] = [
    ['LOG_LEVEL', 'loud'],
    ['VENUES', 'BTC-USD'],
    ['VENUES', 'coinbase:'],
    ['VENUES', 'coinbase:BTC-USD,BTC-USD'],
    ['VENUES', 'kraken:BTC-USD'],
    ['COINBASE_REST_URL', 'ftp://example.com'],
    ['COINBASE_REST_URL', 'nonsense'],
    ['COINBASE_REST_URL', 'https://user:password@example.com'],
    ['COINBASE_REST_URL', 'https://example.com/?key=1'],
    ['COINBASE_REST_URL', 'https://example.com/#top'],
    ['POLL_MS', '5s'],
    ['POLL_MS', '1e4'],
    ['POLL_MS', '99'],
    ['BOOK_LEVELS', '1001'],
    ['WINDOWS', '7m'],
    ['WINDOWS', '2d'],
    ['WINDOWS', '500ms'],
    ['WINDOWS', '1500ms'],
    ['WINDOWS', '5m,300s'],
    ['WINDOWS', '1s,2s,3s,4s,5s,6s,8s,10s,12s'],
    ['LATE_MAX', '0s'],
    ['INSIGHTS_CRON', '61 * * * *'],
    ['BOOKS_RETENTION_BYTES', '10 apples'],
    ['SMTP_URL', 'https://example.com'],
    ['SLACK_WEBHOOK_URL', 'hooks.slack.com/abc'],
  ]
  test.each(bad)('%s=%s is not', (name, text) => {
    expect(problemsOf({ [name]: text })).toMatch(new RegExp(`^  ${name} +got .* expected `, 'm'))
  })
})

describe('a wrong environment', () => {
  test('is told whole, in one message', () => {
    expect(problemsOf({ POLL_MS: '5', BOOK_LEVELS: 'x', POL_MS: '1' })).toBe(
      [
        'Configuration has 3 problems (exit 78):',
        '  POLL_MS       got "5"            expected 100..3600000   default 5000',
        '  BOOK_LEVELS   got "x"            expected 1..1000        default 20',
        '  POL_MS        unknown variable   did you mean POLL_MS?',
      ].join('\n'),
    )
  })

  test('shows no secret', () => {
    const text = problemsOf({ SMTP_URL: 'smpt://u:canary@host', SLACK_WEBHOOK_URL: 'canary' })
    expect(text).toContain('got (hidden)')
    expect(text).not.toContain('canary')
    const url = problemsOf({ COINBASE_REST_URL: 'https://user:canary@example.com' })
    expect(url).toContain('got "https://(hidden)@example.com"   expected an http(s) address without user')
    expect(url).not.toContain('canary')
  })

  const relations: [string, Environment, RegExp][] = [
    ['mail needs a sender', { SMTP_URL: 'smtp://h', ALERT_MAIL_TO: 'a@b.c' }, /ALERT_MAIL_FROM +not set/],
    ['mail needs a receiver', { SMTP_URL: 'smtp://h', ALERT_MAIL_FROM: 'a@b.c' }, /ALERT_MAIL_TO +not set/],
    ['a receiver needs a mail server', { ALERT_MAIL_TO: 'a@b.c' }, /SMTP_URL +not set/],
    [
      'nothing is later than the log is long',
      { LATE_MAX: '2h', BOOKS_RETENTION: '1h' },
      /LATE_MAX +got "2h"/,
    ],
  ]
  test.each(relations)('%s', (_, env, expected) => {
    expect(problemsOf(env)).toMatch(expected)
  })

  test('is not told twice of a variable that is wrong by itself', () => {
    expect(problemsOf({ SMTP_URL: 'nonsense', ALERT_MAIL_FROM: 'a@b.c', ALERT_MAIL_TO: 'a@b.c' })).toMatch(
      /1 problem /,
    )
  })
})

describe('misspelt names', () => {
  const names: [string, string | undefined][] = [
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['poll_ms', 'POLL_MS'],
    ['WINDOW', 'WINDOWS'],
    ['LATE_MXA', 'LATE_MAX'],
    ['TIDEBOOK_DATA_DIR', 'DATA_DIR'],
    ['SMTP_URL_FIEL', 'SMTP_URL_FILE'],
    ['XDG_DATA_DIRS', undefined],
    ['HTTP_URL', undefined],
    ['PATH', undefined],
  ]
  test.each(names)('%s', (name, meant) => {
    const env = { [name]: '1' }
    if (meant === undefined) expect(loadConfig(env)).toEqual(loadConfig({}))
    else expect(problemsOf(env)).toContain(`did you mean ${meant}?`)
  })

  test('a distance counts inserted, removed, replaced and swapped letters', () => {
    const pairs = [
      'abc abc 0',
      'abc ab 1',
      'abc abcd 1',
      'abc abd 1',
      'abc acb 1',
      'abcd badc 2',
      'abc xyz 3',
    ]
    expect(pairs.map((pair) => pair.split(' ')).map(([a, b]) => `${a} ${b} ${editDistance(a!, b!)}`)).toEqual(
      pairs,
    )
    expect(nearestName('POLL_M', ['POLL_MS', 'POOLS'])).toBe('POLL_MS')
  })
})

describe('secrets', () => {
  test('may come from a file', () => {
    const path = join(folder, 'webhook')
    writeFileSync(path, 'https://hooks.example.com/services/T/B/x\n')
    expect(loadConfig({ SLACK_WEBHOOK_URL_FILE: path }).slackWebhookUrl).toBe(
      'https://hooks.example.com/services/T/B/x',
    )
  })

  test('come from one place', () => {
    const env = {
      SLACK_WEBHOOK_URL: 'https://canary.example.com',
      SLACK_WEBHOOK_URL_FILE: join(folder, 'none'),
    }
    expect(problemsOf(env)).toMatch(/SLACK_WEBHOOK_URL +set twice/)
  })

  test('whose file cannot be read are told', () => {
    expect(problemsOf({ SMTP_URL_FILE: join(folder, 'none') })).toMatch(
      /SMTP_URL_FILE +got .* expected a file/,
    )
  })

  test('are hidden among the settings in force', () => {
    const settings = effectiveSettings({ SLACK_WEBHOOK_URL: 'https://canary.example.com', POLL_MS: '1000' })
    expect(JSON.stringify(settings)).not.toContain('canary')
    expect(settings).toContainEqual({ name: 'SLACK_WEBHOOK_URL', text: '(set, hidden)', isDefault: false })
    expect(settings).toContainEqual({ name: 'POLL_MS', text: '1000', isDefault: false })
    expect(settings).toContainEqual({ name: 'BOOK_LEVELS', text: '20', isDefault: true })
  })
})

/** The message about an environment that must be refused. */
function problemsOf(env: Environment): string {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof EngineError && error.code === 'bad-config') return error.message
    throw error
  }
  throw new Error(`accepted ${JSON.stringify(env)}`)
}
