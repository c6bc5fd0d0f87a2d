import { openSqliteBroker } from '../src/broker/sqlite-broker.ts'

/** The other process of `log.ts`: follows the log in the folder it is given, and tells what it was asked. */

export type FollowerReport = {
  /** When each record was heard, in ns of the clock that all processes of a machine share. */
  readonly heardNs: readonly number[]
  readonly cpuUs: number
}

const heardNs: number[] = []
const broker = await openSqliteBroker({ dir: process.argv[2]!, nowMs: Date.now, random: Math.random })
await broker.consume({
  topics: ['books.coinbase'],
  group: 'follower',
  onAssigned: async () => new Map(),
  onLost: async () => {},
  onBatch: async (_, records) => {
    const nowNs = Number(process.hrtime.bigint())
    for (let i = 0; i < records.length; i++) heardNs.push(nowNs)
  },
})

process.on('message', (question) => {
  const { user, system } = process.cpuUsage()
  process.send!({
    heardNs: question === 'heard' ? heardNs : [],
    cpuUs: user + system,
  } satisfies FollowerReport)
})
process.send!('ready')
