/** The settings of every command, read once from the environment and frozen. Functions take values, not a Config. */
export type Config = {
  readonly dataDir: string
  readonly logLevel: string
  /** Coinbase products to ingest, from `VENUES=coinbase:BTC-USD,ETH-USD`. */
  readonly products: readonly string[]
  readonly coinbaseRestUrl: string
  readonly pollMs: number
  readonly requestTimeoutMs: number
  readonly bookLevels: number
  readonly windowsMs: readonly number[]
  readonly lateMaxMs: number
  readonly insightsCron: string
  readonly forecastLookbackMs: number
  readonly forecastHorizonMs: number
  readonly booksPartitions: number
  readonly booksRetentionMs: number
  readonly booksRetentionBytes: number
  /** Of rejections and insights. */
  readonly reportsRetentionMs: number
  readonly slackWebhookUrl: string | undefined
  readonly smtpUrl: string | undefined
  readonly alertMailFrom: string | undefined
  readonly alertMailTo: string | undefined
}
