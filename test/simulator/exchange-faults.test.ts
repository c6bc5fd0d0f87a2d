import { describe, expect, test } from 'vitest'
import { parseFaultScript } from '../../src/simulator/exchange-faults.ts'
import { rig, type Tap } from './tap.ts'

const DEPTH = 'binance/spot/ws/btcusdt@depth@100ms'

describe('faults of frames', () => {
  test('nothing wrong: each change follows the one before it', async () => {
    const { timers, tap } = rig()
    const line = tap(DEPTH)
    await timers.advanceBy(3_000)
    expect(line.texts).toHaveLength(30)
    expect(breaks(line)).toEqual([])
  })

  test('drop: one frame is missing, and only one', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    await timers.advanceBy(1_000)
    simulator.fault({ venue: 'binance', fault: 'drop' })
    await timers.advanceBy(1_000)
    expect(line.texts).toHaveLength(19)
    expect(breaks(line)).toEqual(['gap'])
  })

  test('drop for a while: all of them; with a share, about so many', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'drop', forMs: 1_000 })
    await timers.advanceBy(1_000)
    expect(line.texts).toEqual([])
    simulator.fault({ venue: 'binance', fault: 'drop', forMs: 60_000, share: 0.25 })
    await timers.advanceBy(60_000)
    expect(line.texts.length).toBeGreaterThan(400)
    expect(line.texts.length).toBeLessThan(500)
  })

  test('duplicate: one comes twice', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'duplicate' })
    await timers.advanceBy(1_000)
    expect(line.texts).toHaveLength(11)
    expect(line.texts[0]).toBe(line.texts[1])
    expect(new Set(line.texts).size).toBe(10)
  })

  test('reorder: one comes after the next', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'reorder' })
    await timers.advanceBy(1_000)
    const times = line.json().map(({ E }) => E as number)
    expect(times).toHaveLength(10)
    expect(times[0]).toBeGreaterThan(times[1]!)
    expect(times.slice(1).every((time, index) => index === 0 || time > times[index]!)).toBe(true)
  })

  test('garbage, truncated and oversized frames come in the place of good ones', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    for (const fault of ['garbage', 'truncated', 'oversized'] as const) {
      simulator.fault({ venue: 'binance', fault })
      await timers.advanceBy(100)
    }
    expect(line.binary).toHaveLength(1)
    expect(() => JSON.parse(line.texts[0]!) as unknown).toThrow()
    expect(line.texts[1]!.length).toBe(33_554_432)
    expect(JSON.parse(line.texts[1]!)).toMatchObject({ e: 'depthUpdate' })
  })

  test('concern the product and the kind that are named', async () => {
    const { timers, simulator, tap } = rig()
    const [bitcoin, ether] = [tap(DEPTH), tap('binance/spot/ws/ethusdt@depth@100ms')]
    simulator.fault({ venue: 'binance', product: 'ETH-USDT', fault: 'drop', forMs: 1_000 })
    simulator.fault({ venue: 'binance', kind: 'trades', fault: 'drop', forMs: 1_000 })
    await timers.advanceBy(1_000)
    expect([bitcoin.texts.length, ether.texts.length]).toEqual([10, 0])
    expect(() => simulator.fault({ venue: 'binance', product: 'NO-SUCH', fault: 'drop' })).toThrow(
      /does not list/,
    )
  })

  test('leave a gap in the numbers of a connection that numbers its frames', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap('coinbase/advanced')
    line.say({ type: 'subscribe', product_ids: ['BTC-USD'], channel: 'level2' })
    simulator.fault({ venue: 'coinbase', fault: 'drop' })
    await timers.advanceBy(500)
    const numbers = line.json().map((frame) => frame['sequence_num'] as number)
    expect(numbers.slice(0, 4)).toEqual([0, 1, 3, 4])
  })
})

describe('faults of books', () => {
  test('crossed: a bid above the best ask', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'crossed', product: 'BTC-USDT' })
    await timers.advanceBy(100)
    const [price] = (line.json()[0]!['b'] as [string, string][])[0]!
    expect(Number(price)).toBeGreaterThan(Number(simulator.books('binance', 'BTC-USDT', 1).asks[0]![0]))
    await timers.advanceBy(1_000)
    expect(simulator.books('binance', 'BTC-USDT', 1).bids[0]![0]).not.toBe(price)
  })

  test('wrong-checksum: another number than the one before and after it', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap('okx/public/ws/v5/public')
    line.say({ op: 'subscribe', args: [{ channel: 'books', instId: 'BTC-USDT' }] })
    await timers.advanceBy(300)
    simulator.fault({ venue: 'okx', fault: 'wrong-checksum' })
    await timers.advanceBy(300)
    const sums = line
      .json()
      .flatMap(
        ({ data }) => (data as { checksum: number; seqId: number; prevSeqId: number }[] | undefined) ?? [],
      )
      .filter(({ seqId, prevSeqId }) => seqId !== prevSeqId)
    expect(sums.map(({ checksum }) => checksum === 0)).toEqual([true, true, true, true, false, true, true])
  })

  test('late-snapshot: it comes later than what follows it', async () => {
    const { timers, simulator, tap } = rig()
    simulator.fault({ venue: 'deribit', fault: 'late-snapshot', lateMs: 1_000 })
    const line = tap('deribit/main')
    line.say({
      jsonrpc: '2.0',
      id: 1,
      method: 'public/subscribe',
      params: { channels: ['book.BTC-PERPETUAL.100ms'] },
    })
    await timers.advanceBy(2_000)
    const types = line
      .json()
      .flatMap(({ params }) => (params as { data: { type: string } } | undefined)?.data.type ?? [])
    expect(types.indexOf('snapshot')).toBe(10)
    expect(types).toHaveLength(21)
    simulator.fault({ venue: 'binance', fault: 'late-snapshot', lateMs: 1_500 })
    expect(simulator.http('GET', 'http://here/binance/spot/api/v3/depth?symbol=BTCUSDT')).toMatchObject({
      delayMs: 1_500,
    })
  })

  test('future-clock: stamps are ahead until it is over', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'future-clock', aheadMs: 300_000, forMs: 1_000 })
    await timers.advanceBy(2_000)
    const ahead = line.json().map(({ E }) => (E as number) > timers.nowMs() + 200_000)
    expect(ahead.filter((is) => is)).toHaveLength(10)
    expect(ahead.at(-1)).toBe(false)
  })
})

describe('faults of connections', () => {
  test('cut: they end without a word, and the next is as good as ever', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'cut' })
    expect(line.end?.code).toBe(1006)
    const next = tap(DEPTH)
    await timers.advanceBy(1_000)
    expect(next.texts).toHaveLength(10)
    expect(line.texts).toEqual([])
    expect(simulator.connections('binance')).toBe(1)
  })

  test('closing: said in the way of the venue, done when the time is over', async () => {
    const { timers, simulator, tap } = rig()
    const [line, okx] = [tap('binance/spot/ws'), tap('okx/public/ws/v5/public')]
    simulator.fault({ venue: 'binance', fault: 'closing', forMs: 10_000 })
    simulator.fault({ venue: 'okx', fault: 'closing', forMs: 10_000 })
    await timers.advanceBy(9_999)
    expect(line.json()).toEqual([{ e: 'serverShutdown', E: expect.any(Number) as number }])
    expect(okx.json()).toMatchObject([{ event: 'notice', code: '64008' }])
    expect([line.end, okx.end]).toEqual([undefined, undefined])
    await timers.advanceBy(1)
    expect([line.end?.code, okx.end?.code]).toEqual([1001, 1001])
  })

  test('stall: nothing comes for a while, then all of it', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'stall', forMs: 3_000 })
    await timers.advanceBy(2_999)
    expect(line.texts).toEqual([])
    await timers.advanceBy(1_001)
    expect(line.texts).toHaveLength(40)
    expect(breaks(line)).toEqual([])
  })

  test('half-open: old and new connections say nothing; those after it do', async () => {
    const { timers, simulator, tap } = rig()
    const old = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'half-open', forMs: 2_000 })
    await timers.advanceBy(1_000)
    const during = tap(DEPTH)
    await timers.advanceBy(2_000)
    const after = tap(DEPTH)
    await timers.advanceBy(1_000)
    expect([old.texts.length, during.texts.length, after.texts.length]).toEqual([0, 0, 10])
    expect([old.end, during.end]).toEqual([undefined, undefined])
  })

  test('of one product: only connections that carry it', () => {
    const { simulator, tap } = rig()
    const [bitcoin, ether] = [tap(DEPTH), tap('binance/spot/ws/ethusdt@depth@100ms')]
    simulator.fault({ venue: 'binance', product: 'ETH-USDT', fault: 'cut' })
    expect([bitcoin.end?.code, ether.end?.code]).toEqual([undefined, 1006])
  })
})

describe('faults of a venue', () => {
  test('down: everybody is cut and nothing is answered, until it is over', async () => {
    const { timers, simulator, tap, refused, get } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'down', forMs: 5_000 })
    expect([line.end?.code, refused(DEPTH)]).toEqual([1006, 'refused'])
    expect(() => get('binance/spot/api/v3/ping')).toThrow('refused')
    await timers.advanceBy(5_001)
    expect([refused(DEPTH), get('binance/spot/api/v3/ping').status]).toEqual([undefined, 200])
  })

  test('unreachable: nothing comes of anything, and nothing says so', async () => {
    const { timers, simulator, tap, refused, get } = rig()
    const line = tap(DEPTH)
    simulator.fault({ venue: 'binance', fault: 'unreachable', forMs: 5_000 })
    expect(refused(DEPTH)).toBe('silent')
    expect(() => get('binance/spot/api/v3/ping')).toThrow('silent')
    await timers.advanceBy(6_000)
    expect([line.end, line.texts.length, refused(DEPTH)]).toEqual([undefined, 0, undefined])
  })

  test.each(['429', '418', '451'] as const)('%s: whatever is asked is answered with it', async (fault) => {
    const { timers, simulator, refused, get } = rig()
    simulator.fault({ venue: 'kucoin', fault, forMs: 30_000 })
    expect([get('kucoin/spot/api/v2/symbols').status, refused('kucoin/spot/')]).toEqual([
      Number(fault),
      Number(fault),
    ])
    await timers.advanceBy(30_001)
    expect(get('kucoin/spot/api/v2/symbols').status).toBe(200)
  })

  test('expired-token: what is handed out opens nothing', async () => {
    const { timers, simulator, tap, get } = rig()
    simulator.fault({ venue: 'kucoin', fault: 'expired-token' })
    const { data } = get('kucoin/spot/api/v1/bullet-public', 'POST').body as { data: { token: string } }
    const line = tap(`kucoin/spot/?token=${data.token}&connectId=a`)
    await timers.advanceBy(1)
    expect(line.json()).toEqual([{ id: 'a', type: 'error', code: 401, data: 'token is invalid' }])
    expect(line.end?.code).toBe(1000)
  })
})

describe('a script', () => {
  test('is played at its times', async () => {
    const { timers, simulator, tap } = rig()
    const line = tap(DEPTH)
    const script = parseFaultScript(
      '[{"atMs":2000,"venue":"binance","fault":"cut"},{"atMs":1000,"venue":"binance","fault":"drop"}]',
    )
    expect(script.map(({ atMs }) => atMs)).toEqual([1_000, 2_000])
    simulator.play(script)
    await timers.advanceBy(3_000)
    expect(line.end).toMatchObject({ code: 1006, atMs: timers.nowMs() - 1_000 })
    expect(breaks(line)).toEqual(['gap'])
  })

  test.each([
    ['{', /not JSON/],
    ['[{"atMs":0,"venue":"nyse","fault":"drop"}]', /venue/],
    ['[{"atMs":0,"venue":"okx","fault":"earthquake"}]', /fault/],
    ['[{"atMs":0,"venue":"okx","fault":"drop","forMS":5}]', /forMS/],
    ['[{"atMs":-1,"venue":"okx","fault":"drop"}]', /atMs/],
  ])('that cannot be read is refused: %s', (text, message) => {
    expect(() => parseFaultScript(text)).toThrow(message)
  })
})

/** Where a connection's changes do not follow each other. */
function breaks(line: Tap): string[] {
  const changes = line.json() as { U: number; u: number }[]
  return changes.slice(1).flatMap(({ U }, index) => (U === changes[index]!.u + 1 ? [] : ['gap']))
}
