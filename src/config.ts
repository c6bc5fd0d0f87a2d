import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { nearestName, type Problem, problemsText, quoted } from './config-text.ts'
import type { VenueWish } from './config-values.ts'
import { type Variable, variables } from './config-variables.ts'
import { EngineError } from './models/engine-error.ts'
import { formatDuration } from './models/time.ts'
import type { FeedKind } from './models/topics.ts'

/** The settings of every command, read once from the environment and frozen. Functions take values, not a Config. */
export type Config = {
  readonly dataDir: string
  readonly logLevel: string
  /** What `ingest` takes, from `VENUES=coinbase:BTC-USD,ETH-USD;binance:*-USDT`. */
  readonly venues: readonly VenueWish[]
  readonly feeds: readonly FeedKind[]
  /** Undefined: every venue is asked at its own home. */
  readonly simulatorUrl: string | undefined
  readonly coinbaseBooks: 'rest' | 'level2_batch' | 'advanced'
  readonly coinbaseRestUrl: string
  readonly pollMs: number
  readonly requestTimeoutMs: number
  readonly bookLevels: number
  /** At most one book of a product in so many milliseconds; 0: every change. */
  readonly bookIntervalMs: number
  readonly windowsMs: readonly number[]
  readonly lateMaxMs: number
  readonly insightsCron: string
  readonly forecastLookbackMs: number
  readonly forecastHorizonMs: number
  readonly feedPartitions: number
  readonly booksRetentionMs: number
  readonly booksRetentionBytes: number
  readonly tradesRetentionMs: number
  readonly tradesRetentionBytes: number
  readonly tickersRetentionMs: number
  readonly tickersRetentionBytes: number
  /** Of rejections and insights. */
  readonly reportsRetentionMs: number
  /** Undefined: topics are kept in the embedded log. */
  readonly kafkaBrokers: readonly string[] | undefined
  /** Copies of every record of a topic that is yet to be made. */
  readonly kafkaReplication: number
  readonly kafkaCompression: 'none' | 'gzip' | 'zstd' | 'lz4' | 'snappy'
  readonly kafkaTls: boolean
  readonly kafkaTlsCaFile: string | undefined
  readonly kafkaSasl: 'none' | 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly kafkaUsername: string | undefined
  readonly kafkaPassword: string | undefined
  readonly kafkaSessionMs: number
  readonly lingerMs: number
  readonly spoolBytes: number
  readonly captureBytes: number
  /** Undefined: tables are kept in the embedded store. */
  readonly databaseUrl: string | undefined
  readonly slackWebhookUrl: string | undefined
  readonly smtpUrl: string | undefined
  readonly alertMailFrom: string | undefined
  readonly alertMailTo: string | undefined
  /** Any text at all: no colours, as https://no-color.org asks. */
  readonly noColor: string | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** One setting as it stands: the text it has, with secrets hidden, and whether anybody set it. */
export type Setting = { readonly name: string; readonly text: string; readonly isDefault: boolean }

/** The environment of this process; below it, where the working folder has one, the file `.env`. */
export function readEnvironment(): Environment {
  return existsSync('.env') ? { ...parseEnv(readFileSync('.env', 'utf8')), ...process.env } : process.env
}

/**
 * All settings, frozen. Throws one EngineError `bad-config` that lists every variable that is wrong, missing beside
 * another, or most likely misspelt; secrets are not shown in it.
 */
export function loadConfig(env: Environment): Config {
  const problems: Problem[] = []
  const config: Record<string, unknown> = {}
  for (const [property, variable] of Object.entries<Variable<unknown>>(variables)) {
    config[property] = settingValue(variable, env, problems)
  }
  problems.push(...brokenRelations(config, new Set(problems.map(({ name }) => name))), ...misspelt(env))
  if (problems.length > 0) {
    throw new EngineError('bad-config', problemsText(problems), {
      hint: '.env.example says what every variable means; `npm run config` prints the settings in force',
    })
  }
  return Object.freeze(config) as Config
}

/** What every setting is, for people. To be asked after `loadConfig` has accepted the environment. */
export function effectiveSettings(env: Environment): Setting[] {
  return Object.values<Variable<unknown>>(variables).map((variable) => {
    const text =
      setText(variable.name, env) ?? (variable.secret ? setText(`${variable.name}_FILE`, env) : undefined)
    const shown = text !== undefined && variable.secret ? '(set, hidden)' : (text ?? variable.default ?? '')
    return { name: variable.name, text: shown, isDefault: text === undefined }
  })
}

/** The sample file `.env.example`: a sentence and the default of every setting, all of them commented out. */
export function exampleEnv(): string {
  const entries = Object.values<Variable<unknown>>(variables)
    .filter(({ foreign }) => foreign === undefined)
    .map(
      (variable) =>
        `# ${variable.says}\n# ${variable.name}=${inFile(variable.default ?? variable.example ?? '')}\n`,
    )
  return `# Every setting with its default. Copy this file to .env and uncomment what is to differ.\n\n${entries.join('\n')}`
}

function inFile(text: string): string {
  return /[ #'"]/.test(text) ? `"${text}"` : text
}

/** An empty variable is an unset one: that is how compose files and shells leave a thing out. */
function setText(name: string, env: Environment): string | undefined {
  const text = env[name]?.trim()
  return text === '' ? undefined : text
}

function settingValue(variable: Variable<unknown>, env: Environment, problems: Problem[]): unknown {
  const { name, expected } = variable
  const more = variable.default === undefined ? '' : `default ${variable.default}`
  const text = variable.secret ? secretText(name, env, problems) : setText(name, env)
  if (text === undefined && variable.default === undefined) return undefined
  const parsed = variable.reads.safeParse(text ?? variable.default)
  if (parsed.success) return parsed.data
  const got = `got ${variable.secret ? '(hidden)' : quoted(text ?? '')}`
  problems.push({ name, got, expected: `expected ${expected}`, more })
  return undefined
}

function secretText(name: string, env: Environment, problems: Problem[]): string | undefined {
  const [text, path] = [setText(name, env), setText(`${name}_FILE`, env)]
  if (path === undefined) return text
  if (text !== undefined) {
    problems.push({ name, got: 'set twice', expected: `expected it alone, or ${name}_FILE alone`, more: '' })
    return text
  }
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    problems.push({
      name: `${name}_FILE`,
      got: `got ${quoted(path)}`,
      expected: 'expected a file that can be read',
      more: '',
    })
    return undefined
  }
}

/** What is good by itself and wrong beside another. Whatever touches a variable that is `bad` by itself is let be. */
function brokenRelations(config: Partial<Config>, bad: ReadonlySet<string>): Problem[] {
  const { smtpUrl, alertMailFrom, alertMailTo, lateMaxMs, booksRetentionMs } = config
  const { kafkaBrokers, kafkaSasl, kafkaUsername, kafkaPassword, kafkaTls, kafkaTlsCaFile } = config
  const problems: Problem[] = []
  const missing = (name: string, beside: string) =>
    problems.push({ name, got: 'not set', expected: `expected beside ${beside}`, more: '' })
  if (smtpUrl !== undefined && alertMailFrom === undefined) missing('ALERT_MAIL_FROM', 'SMTP_URL')
  if (smtpUrl !== undefined && alertMailTo === undefined) missing('ALERT_MAIL_TO', 'SMTP_URL')
  if (smtpUrl === undefined && alertMailFrom !== undefined) missing('SMTP_URL', 'ALERT_MAIL_FROM')
  else if (smtpUrl === undefined && alertMailTo !== undefined) missing('SMTP_URL', 'ALERT_MAIL_TO')
  const isSasl = kafkaSasl !== undefined && kafkaSasl !== 'none'
  if (isSasl && kafkaUsername === undefined) missing('KAFKA_USERNAME', 'KAFKA_SASL')
  if (isSasl && kafkaPassword === undefined) missing('KAFKA_PASSWORD', 'KAFKA_SASL')
  if (!isSasl && kafkaUsername !== undefined) missing('KAFKA_SASL', 'KAFKA_USERNAME')
  if (kafkaTls === false && kafkaTlsCaFile !== undefined) missing('KAFKA_TLS', 'KAFKA_TLS_CA_FILE')
  if (kafkaBrokers === undefined && isSasl) missing('KAFKA_BROKERS', 'KAFKA_SASL')
  if (kafkaBrokers === undefined && kafkaTls === true) missing('KAFKA_BROKERS', 'KAFKA_TLS')
  if (lateMaxMs !== undefined && booksRetentionMs !== undefined && lateMaxMs > booksRetentionMs) {
    const longest = formatDuration(booksRetentionMs)
    problems.push({
      name: 'LATE_MAX',
      got: `got ${quoted(formatDuration(lateMaxMs))}`,
      expected: `expected at most BOOKS_RETENTION (${longest}): later records are gone from the log`,
      more: '',
    })
  }
  return problems.filter(({ name }) => !bad.has(name))
}

function misspelt(env: Environment): Problem[] {
  const all = Object.values<Variable<unknown>>(variables)
  const own = all.filter(({ foreign }) => foreign === undefined).map(({ name }) => name)
  const secretFiles = all.filter(({ secret }) => secret).map(({ name }) => `${name}_FILE`)
  const known = [...own, ...secretFiles]
  return Object.keys(env).flatMap((name) => {
    if (known.includes(name)) return []
    const near = nearestName(name, known)
    if (near === undefined && !name.startsWith('TIDEBOOK_')) return []
    const expected = near === undefined ? 'no setting of ours' : `did you mean ${near}?`
    return [{ name, got: 'unknown variable', expected, more: '' }]
  })
}
