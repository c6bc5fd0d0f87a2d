import type { z } from 'zod'
import type { Config } from './config.ts'
import * as values from './config-values.ts'
import { BOOK_LEVELS_MAX } from './models/product-book.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './models/time.ts'
import { FEED_KINDS } from './models/topics.ts'

export type Variable<Value> = {
  readonly name: string
  /** Its text where nobody sets it; undefined where it may stay unset. */
  readonly default: string | undefined
  readonly says: string
  /** What a good text looks like, for the message about a bad one. */
  readonly expected: string
  readonly reads: z.ZodType<Value, string>
  /** Never shown; may also be the content of the file that `<name>_FILE` names. */
  readonly secret?: true
  /** Shown in the sample file where there is no default. */
  readonly example?: string
  /** Convention of others: not in the sample file, and no near miss of it is reported. */
  readonly foreign?: true
}

const SECOND_TO_DAY = '1s..1d, such as 15m'

/** Every setting there is, in the order of the sample file. */
export const variables: { readonly [Name in keyof Config]: Variable<Config[Name]> } = {
  dataDir: {
    name: 'DATA_DIR',
    default: 'data',
    says: 'Folder of the log (log.db) and the store (store.db); made when missing.',
    expected: 'a folder',
    reads: values.anyText,
  },
  logLevel: {
    name: 'LOG_LEVEL',
    default: 'info',
    says: 'How much is logged to standard error: trace, debug, info, warn, error, fatal or silent, in any case.',
    expected: 'trace, debug, info, warn, error, fatal or silent',
    reads: values.logLevel,
  },
  venues: {
    name: 'VENUES',
    default: 'coinbase:BTC-USD,ETH-USD,SOL-USD,XRP-USD',
    says: 'What `ingest` takes: venue:PRODUCT,PRODUCT;venue:... with coinbase, binance, kucoin, okx, deribit. `*` stands for any characters; names of three parts are derivatives (`BTC-USD-PERP`, `*-*-PERP`).',
    expected:
      'venue:BASE-QUOTE[,BASE-QUOTE][;venue:...], no venue and no product twice, venues coinbase, binance, kucoin, okx, deribit',
    reads: values.venueWishes,
  },
  feeds: {
    name: 'FEEDS',
    default: 'books,trades,tickers',
    says: 'Which kinds of news `ingest` takes: books, trades, tickers.',
    expected: 'some of books,trades,tickers',
    reads: values.someOf(...FEED_KINDS),
  },
  simulatorUrl: {
    name: 'SIMULATOR_URL',
    default: undefined,
    says: 'Where `simulate` answers, such as http://127.0.0.1:7300: every venue is asked there, and what it says carries the source `simulator`. Unset: the venues themselves.',
    expected: 'an http(s) address without user, password, ? or #',
    reads: values.venueUrl,
    example: 'http://127.0.0.1:7300',
  },
  coinbaseBooks: {
    name: 'COINBASE_BOOKS',
    default: 'rest',
    says: "How Coinbase's books are had: rest (polled), level2_batch or advanced (streamed).",
    expected: 'rest, level2_batch or advanced',
    reads: values.oneOf('rest', 'level2_batch', 'advanced'),
  },
  coinbaseRestUrl: {
    name: 'COINBASE_REST_URL',
    default: 'https://api.exchange.coinbase.com',
    says: 'Where Coinbase is polled. Books from any other host carry the source `simulator`. SIMULATOR_URL goes before it.',
    expected: 'an http(s) address without user, password, ? or #',
    reads: values.venueUrl,
  },
  pollMs: {
    name: 'POLL_MS',
    default: '5000',
    says: 'Milliseconds between two polls of one product. All products together make at most 8 requests a second.',
    expected: '100..3600000',
    reads: values.wholeNumber(100, HOUR_MS),
  },
  requestTimeoutMs: {
    name: 'REQUEST_TIMEOUT_MS',
    default: '10000',
    says: 'Milliseconds until a request has failed, whole body included.',
    expected: '100..300000',
    reads: values.wholeNumber(100, 300_000),
  },
  bookLevels: {
    name: 'BOOK_LEVELS',
    default: '20',
    says: 'Levels a side that travel on the topic. Every level the venue sends is validated all the same.',
    expected: `1..${BOOK_LEVELS_MAX}`,
    reads: values.wholeNumber(1, BOOK_LEVELS_MAX),
  },
  bookIntervalMs: {
    name: 'BOOK_INTERVAL_MS',
    default: '100',
    says: 'At most one streamed book of a product in so many milliseconds; it says what the changes between did to the extremes. 0: every change.',
    expected: '0..60000',
    reads: values.wholeNumber(0, 60_000),
  },
  windowsMs: {
    name: 'WINDOWS',
    default: '5m',
    says: 'Lengths of the UTC-aligned windows, such as 1m,5m,1h: each divides a day. Needs a rebuild when changed.',
    expected: `1 to ${values.WINDOWS_MAX} durations of whole seconds, 1s..1d, that divide a day, none twice`,
    reads: values.windowLengths,
  },
  lateMaxMs: {
    name: 'LATE_MAX',
    default: '1h',
    says: 'How late a record may be and still count in its window. Needs a rebuild when changed.',
    expected: SECOND_TO_DAY,
    reads: values.duration(SECOND_MS, DAY_MS),
  },
  insightsCron: {
    name: 'INSIGHTS_CRON',
    default: '*/5 * * * *',
    says: 'When `schedule` answers the insights (UTC).',
    expected: 'a cron expression',
    reads: values.cron,
  },
  forecastLookbackMs: {
    name: 'FORECAST_LOOKBACK',
    default: '15m',
    says: 'How much of the past the mid-price forecast is fitted to.',
    expected: '5s..6h, such as 15m',
    reads: values.duration(5 * SECOND_MS, 6 * HOUR_MS),
  },
  forecastHorizonMs: {
    name: 'FORECAST_HORIZON',
    default: '60s',
    says: 'How far beyond the last sample it looks.',
    expected: '1s..1h, such as 60s',
    reads: values.duration(SECOND_MS, HOUR_MS),
  },
  feedPartitions: {
    name: 'FEED_PARTITIONS',
    default: '1',
    says: 'Partitions of a topic of books, trades or tickers that is yet to be made. An existing topic keeps its own.',
    expected: '1..1000',
    reads: values.wholeNumber(1, 1_000),
  },
  booksRetentionMs: {
    name: 'BOOKS_RETENTION',
    default: '7d',
    says: 'Age at which books may leave the log.',
    expected: '1m..3650d, such as 7d',
    reads: values.duration(MINUTE_MS, 3_650 * DAY_MS),
  },
  booksRetentionBytes: {
    name: 'BOOKS_RETENTION_BYTES',
    default: '10GB',
    says: 'Size at which the oldest books leave the log, whatever their age.',
    expected: '1MB..100TB, such as 10GB',
    reads: values.byteCount(1e6, 1e14),
  },
  tradesRetentionMs: {
    name: 'TRADES_RETENTION',
    default: '7d',
    says: 'Age at which trades may leave the log.',
    expected: '1m..3650d, such as 7d',
    reads: values.duration(MINUTE_MS, 3_650 * DAY_MS),
  },
  tradesRetentionBytes: {
    name: 'TRADES_RETENTION_BYTES',
    default: '10GB',
    says: 'Size at which the oldest trades leave the log, whatever their age.',
    expected: '1MB..100TB, such as 10GB',
    reads: values.byteCount(1e6, 1e14),
  },
  tickersRetentionMs: {
    name: 'TICKERS_RETENTION',
    default: '7d',
    says: 'Age at which tickers may leave the log.',
    expected: '1m..3650d, such as 7d',
    reads: values.duration(MINUTE_MS, 3_650 * DAY_MS),
  },
  tickersRetentionBytes: {
    name: 'TICKERS_RETENTION_BYTES',
    default: '10GB',
    says: 'Size at which the oldest tickers leave the log, whatever their age.',
    expected: '1MB..100TB, such as 10GB',
    reads: values.byteCount(1e6, 1e14),
  },
  reportsRetentionMs: {
    name: 'REPORTS_RETENTION',
    default: '30d',
    says: 'Age at which rejections and results of insights may leave the log.',
    expected: '1m..3650d, such as 30d',
    reads: values.duration(MINUTE_MS, 3_650 * DAY_MS),
  },
  kafkaBrokers: {
    name: 'KAFKA_BROKERS',
    default: undefined,
    says: 'Kafka or Redpanda, such as localhost:19092; several with commas between. Unset: the embedded log.',
    expected: 'host:port[,host:port]',
    reads: values.hostPorts,
    example: 'localhost:19092',
  },
  kafkaReplication: {
    name: 'KAFKA_REPLICATION',
    default: '1',
    says: 'Copies of every record of a Kafka topic that is yet to be made; at most as many as there are brokers.',
    expected: '1..10',
    reads: values.wholeNumber(1, 10),
  },
  kafkaCompression: {
    name: 'KAFKA_COMPRESSION',
    default: 'none',
    says: 'Compression on Kafka: none, gzip or lz4; snappy or zstd where the package that the README names is installed.',
    expected: 'none, gzip, zstd, lz4 or snappy',
    reads: values.oneOf('none', 'gzip', 'zstd', 'lz4', 'snappy'),
  },
  kafkaTls: {
    name: 'KAFKA_TLS',
    default: 'false',
    says: 'Whether Kafka is spoken to over TLS.',
    expected: 'true or false',
    reads: values.yesOrNo,
  },
  kafkaTlsCaFile: {
    name: 'KAFKA_TLS_CA_FILE',
    default: undefined,
    says: "File with the certificate authority of Kafka's certificates (PEM), where it is not a public one.",
    expected: 'a file',
    reads: values.anyText,
  },
  kafkaSasl: {
    name: 'KAFKA_SASL',
    default: 'none',
    says: 'How to log in to Kafka: none, plain, scram-sha-256 or scram-sha-512.',
    expected: 'none, plain, scram-sha-256 or scram-sha-512',
    reads: values.oneOf('none', 'plain', 'scram-sha-256', 'scram-sha-512'),
  },
  kafkaUsername: {
    name: 'KAFKA_USERNAME',
    default: undefined,
    says: 'User for KAFKA_SASL.',
    expected: 'a name',
    reads: values.anyText,
  },
  kafkaPassword: {
    name: 'KAFKA_PASSWORD',
    default: undefined,
    says: 'Password for KAFKA_SASL. Secret: or KAFKA_PASSWORD_FILE.',
    expected: 'a password',
    reads: values.anyText,
    secret: true,
  },
  kafkaSessionMs: {
    name: 'KAFKA_SESSION_MS',
    default: '30000',
    says: 'Milliseconds after which Kafka gives the partitions of a processor it has not heard of to others.',
    expected: '1000..300000',
    reads: values.wholeNumber(1_000, 300_000),
  },
  lingerMs: {
    name: 'LINGER_MS',
    default: '20',
    says: 'Milliseconds that a record on its way to Kafka, or from a stream to the log, waits for others to go with it.',
    expected: '0..10000',
    reads: values.wholeNumber(0, 10_000),
  },
  spoolBytes: {
    name: 'SPOOL_BYTES',
    default: '2GB',
    says: 'How much `ingest` keeps on its own disk (DATA_DIR/spool) while Kafka is away; beyond it records are dropped and a hole says so.',
    expected: '1MB..1TB, such as 2GB',
    reads: values.byteCount(1e6, 1e12),
  },
  captureBytes: {
    name: 'CAPTURE_BYTES',
    default: '1GB',
    says: 'How much `capture` keeps (DATA_DIR/captures); beyond it the oldest files go.',
    expected: '1MB..1TB, such as 1GB',
    reads: values.byteCount(1e6, 1e12),
  },
  databaseUrl: {
    name: 'DATABASE_URL',
    default: undefined,
    example: 'postgres://tidebook:password@localhost:5432/tidebook',
    says: 'PostgreSQL that keeps the tables: postgres://user:password@host:5432/database. Unset: the embedded store. Secret: or DATABASE_URL_FILE.',
    expected: 'postgres://... or postgresql://...',
    reads: values.postgresUrl,
    secret: true,
  },
  slackWebhookUrl: {
    name: 'SLACK_WEBHOOK_URL',
    default: undefined,
    says: 'Slack incoming webhook that alerts and digests go to. Secret: SLACK_WEBHOOK_URL_FILE may name a file that holds it.',
    expected: 'an http(s) address',
    reads: values.httpUrl,
    secret: true,
  },
  smtpUrl: {
    name: 'SMTP_URL',
    default: undefined,
    says: 'Mail server that alerts and digests go through: smtps://user:password@host:465. Secret: or SMTP_URL_FILE.',
    expected: 'smtp://... or smtps://...',
    reads: values.smtpUrl,
    secret: true,
  },
  alertMailFrom: {
    name: 'ALERT_MAIL_FROM',
    default: undefined,
    says: 'Sender of alert mails.',
    expected: 'a mail address',
    reads: values.mailAddress,
  },
  alertMailTo: {
    name: 'ALERT_MAIL_TO',
    default: undefined,
    says: 'Who gets them; several with commas between.',
    expected: 'mail addresses',
    reads: values.mailAddresses,
  },
  noColor: {
    name: 'NO_COLOR',
    default: undefined,
    says: 'Any text: no colours.',
    expected: 'any text',
    reads: values.anyText,
    foreign: true,
  },
}
