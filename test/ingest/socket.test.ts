import { describe, expect, test } from 'vitest'
import type { Wire } from '../../src/ingest/venue.ts'
import { type RigAbout, connectionRig as rig } from './connection-rig.ts'

/** Times are milliseconds since the connection was opened; one way through the network takes 10. */

describe('subscribing', () => {
  test('says what is wanted, in messages of so many channels, and is live when all have been answered', async () => {
    const { until, peer, connection } = rig({ channels: ['books:BTC', 'trades:BTC', 'books:ETH'] })
    expect(await until(19)).toEqual([])
    expect(connection.state).toBe('subscribing')
    expect(await until(30)).toEqual(['20 live books:BTC,trades:BTC', '20 live books:ETH'])
    expect(connection.state).toBe('live')
    expect(peer.log).toEqual(['0 connect /ws', '10 sub 1 books:BTC,trades:BTC', '10 sub 2 books:ETH'])
  })

  test('asks for a channel that several share once, and they are accepted together', async () => {
    const { until, peer } = rig({ channels: ['tickers:BTC', 'tickers:ETH', 'tickers:SOL'] })
    expect(await until(30)).toEqual(['20 live tickers:BTC,tickers:ETH,tickers:SOL'])
    expect(peer.log.slice(1)).toEqual(['10 sub 1 tickers'])
  })

  test('says hello first', async () => {
    const { until, peer } = rig({ wire: { hello: (id) => [`hello ${id}`] } })
    await until(30)
    expect(peer.log.slice(1)).toEqual(['10 hello 1', '10 sub 2 books:BTC'])
  })

  test('waits for the welcome where there is one', async () => {
    const { until, peer } = rig({ wire: { waitsForWelcome: true } })
    expect(await until(5_000)).toEqual([])
    expect(peer.log).toHaveLength(1)
    peer.say('welcome')
    expect(await until(5_020)).toEqual(['5010 live books:BTC'])
  })

  test('a welcome that does not come is a failure', async () => {
    const { until } = rig({ wire: { waitsForWelcome: true } })
    expect(await until(11_000)).toEqual(['10010 lost: disconnected: no welcome within 10 s, good at 10'])
  })

  test('a wire whose address says everything has accepted by opening', async () => {
    const { until, peer, connection } = rig({ wire: { subscribe: () => [] } })
    expect(await until(20)).toEqual(['10 live books:BTC'])
    expect(connection.state).toBe('live')
    expect(peer.log).toEqual(['0 connect /ws'])
  })

  test('a message that is not answered within 10 s is a failure of the connection', async () => {
    const { until, connection } = rig({ peer: { answers: () => [] } })
    expect(await until(10_020)).toEqual([
      '10010 lost: disconnected: no answer to a subscription within 10 s, good at 10',
    ])
    expect(connection.state).toBe('backing-off')
  })

  test('what is refused is told, and the connection goes on with the rest', async () => {
    const { until, connection } = rig({
      channels: ['books:BTC', 'books:XXX'],
      peer: { answers: () => ['ok-of books:BTC', 'no-of books:XXX not listed'] },
    })
    expect(await until(30)).toEqual(['20 live books:BTC', '20 refused books:XXX: not listed'])
    expect(connection.state).toBe('live')
  })

  test('what was refused is not asked for again on this connection, but on the next one', async () => {
    const { until, peer, connection } = rig({
      channels: ['books:XXX'],
      peer: { answers: (text) => (text.startsWith('sub') ? ['no 1 not listed'] : undefined) },
    })
    expect(await until(30)).toEqual(['20 refused books:XXX: not listed'])
    connection.resubscribe(connection.subscriptions)
    await until(1_000)
    expect(peer.log).toEqual(['0 connect /ws', '10 sub 1 books:XXX'])
    peer.breakOff()
    await until(2_000)
    expect(peer.log.slice(2)).toEqual(['1125 connect /ws', '1135 sub 1 books:XXX'])
  })

  test('what is left out of what was accepted is noticed after 10 s', async () => {
    const { until, connection } = rig({
      channels: ['books:BTC', 'books:XXX'],
      peer: { answers: () => ['ok-of books:BTC'] },
      wire: { idleMs: {} },
    })
    expect(await until(10_020)).toEqual([
      '20 live books:BTC',
      '10010 refused books:XXX: left out of what was accepted',
    ])
    expect(connection.state).toBe('live')
  })

  test('a refusal of nobody knows what fails the connection', async () => {
    const { until } = rig({ peer: { answers: () => ['no'] } })
    expect(await until(100)).toEqual(['20 lost: bad-answer: no, good at 20'])
  })

  test('keeps to the budget of messages', async () => {
    const channels = Array.from({ length: 40 }, (_, i) => `books:P${i}`)
    const { until, peer } = rig({
      channels,
      limits: {
        subscriptionsPerMessage: 1,
        subscriptionsPerConnection: 40,
        messages: { perSecond: 5, burst: 10 },
      },
    })
    await until(7_000)
    expect(peer.messagesMs[0]!.filter((ms) => ms === 10)).toHaveLength(10)
    expect(peer.messagesMs[0]!.slice(10, 14)).toEqual([210, 410, 610, 810])
    expect(peer.messagesMs[0]).toHaveLength(40)
  })

  test('many subscriptions are split over connections', async () => {
    const channels = Array.from({ length: 10 }, (_, i) => `books:P${i}`)
    const { until, connections, peer } = rig({ channels })
    await until(100)
    expect(connections.map(({ state }) => state)).toEqual(['live', 'live', 'live'])
    expect(peer.openCount).toBe(3)
  })
})

describe('subscribing again', () => {
  test('ends what it asks for anew, and tells when it has been accepted', async () => {
    const { until, peer, connection } = rig({ channels: ['books:BTC', 'books:ETH'] })
    await until(1_000)
    connection.resubscribe([{ kind: 'books', symbol: 'ETH' }])
    expect(await until(1_100)).toEqual(['1010 live books:ETH'])
    expect(peer.log.slice(2)).toEqual(['1000 unsub 2 books:ETH', '1000 sub 3 books:ETH'])
  })

  test('is done once, however often it is wished for before it is answered', async () => {
    const { until, peer, connection } = rig()
    connection.resubscribe(connection.subscriptions)
    await until(15)
    connection.resubscribe(connection.subscriptions)
    await until(1_000)
    connection.resubscribe(connection.subscriptions)
    connection.resubscribe(connection.subscriptions)
    await until(1_100)
    expect(peer.log.slice(2)).toEqual(['1000 unsub 2 books:BTC', '1000 sub 3 books:BTC'])
  })

  test('that is not answered within 10 s is a failure of the connection', async () => {
    const { until, peer, connection } = rig({ wire: { idleMs: {} } })
    await until(1_000)
    peer.answers = () => []
    connection.resubscribe(connection.subscriptions)
    expect(await until(11_010)).toEqual([
      '11000 lost: disconnected: no answer to a subscription within 10 s, good at 20',
    ])
  })
})

describe('frames', () => {
  test('are handed on with what they say and when they came, after what they ask for has been done', async () => {
    const { until, peer, frames } = rig()
    await until(1_000)
    peer.say('please ping 7\nbook BTC')
    await until(1_100)
    expect(frames).toEqual([
      '20 ok 1 (accepted)',
      '1000 please ping 7\nbook BTC (send,snapshot)',
      '1010 pong (alive)',
    ])
    expect(peer.log.at(-1)).toBe('1000 ping 7')
  })

  test('that make a parser fall over are rejected, and nothing else is lost', async () => {
    const { until, peer, frames, connection } = rig()
    await until(1_000)
    peer.say('fall over')
    await until(1_100)
    expect(frames.at(-1)).toBe('1000 fall over (rejected)')
    expect(connection.state).toBe('live')
  })

  test('that want far more answers than we may give cut the connection', async () => {
    const { until, peer } = rig({ limits: { frameBytesMax: 1_000_000 } })
    await until(1_000)
    peer.say(Array(10_100).fill('please ping 7').join('\n'))
    expect(await until(1_010)).toEqual([
      '1000 lost: bad-answer: it wants more than 10000 messages at once, good at 1000',
    ])
    expect(peer.messagesMs[0]).toHaveLength(11)
  })

  test('that are too long cut the connection', async () => {
    const { until, peer } = rig()
    await until(1_000)
    peer.say('x'.repeat(1_001))
    expect(await until(1_100)).toEqual(['1000 lost: disconnected: a frame that is too long, good at 20'])
  })

  test('numbers that are dense say nothing; a gap cuts at once, and the connection comes back at once', async () => {
    const { until, peer, frames } = rig()
    await until(1_000)
    for (const number of [41, 42, 43]) peer.say(`n ${number}\nbook BTC`)
    expect(await until(2_000)).toEqual([])
    peer.say('n 45\nbook BTC')
    expect(await until(2_100)).toEqual([
      '2000 lost: sequence-gap: message 45 came where 44 was due, good at 2000',
      '2020 live books:BTC',
    ])
    expect(frames.filter((frame) => frame.includes('n 45'))).toEqual([])
    peer.say('n 1\nbook BTC')
    expect(await until(2_200)).toEqual([])
  })
})

describe('failing and coming back', () => {
  test('a connection that breaks is made anew, with waits that double up to 4 s', async () => {
    const { until, peer } = rig({ random: () => 1, limits: { connects: { perSecond: 5, burst: 10 } } })
    await until(1_000)
    peer.mode = 'away'
    peer.breakOff()
    await until(20_000)
    const waits = peer.connectsMs.slice(1).map((ms, i) => ms - peer.connectsMs[i]!)
    expect(waits.slice(1)).toEqual([510, 1_010, 2_010, 4_010, 4_010, 4_010])
  })

  test('half of every wait is chance', async () => {
    const { until, peer } = rig({ random: () => 0 })
    peer.mode = 'away'
    await until(12_000)
    const waits = peer.connectsMs.slice(1).map((ms, i) => ms - peer.connectsMs[i]!)
    expect(waits).toEqual([135, 260, 510, 1_010, 2_010, 2_010, 2_010, 2_010, 2_010])
  })

  test('every attempt that ends is told, with the last good moment where it ever opened', async () => {
    const { until, peer } = rig()
    await until(1_000)
    peer.say('book BTC')
    await until(2_000)
    peer.mode = 'away'
    peer.breakOff()
    expect(await until(2_200)).toEqual([
      '2000 lost: disconnected: broken, good at 1000',
      '2135 lost: unreachable: nobody there',
    ])
  })

  test('people are told of the fifth failure in a row, once, and of 30 s live after it', async () => {
    const { until, peer } = rig({ peer: { mode: 'away' } })
    expect(rigNews(await until(60_000))).toEqual(['failing (5): nobody there'])
    peer.mode = 'well'
    expect(rigNews(await until(200_000))).toEqual(['recovered (0): live again, for 30 s by now'])
  })

  test('a connection that is cut before it was live for 30 s goes on counting', async () => {
    const { until, peer, connection } = rig()
    await until(1_000)
    peer.breakOff()
    await until(20_000)
    peer.breakOff()
    expect(connection.failures).toBe(2)
    await until(60_000)
    expect(connection.failures).toBe(0)
  })

  test.each([418, 429, 451])('%d keeps us away for a minute', async (status) => {
    const { until, peer } = rig({
      peer: { mode: 'refusing', refusal: { status } },
    })
    await until(130_000)
    expect(peer.connectsMs).toEqual([0, 60_010, 120_020])
  })

  test('a venue that says how long to stay away is believed, up to an hour', async () => {
    const refused = (retryAfterMs: number): RigAbout => ({
      peer: { mode: 'refusing', refusal: { status: 429, retryAfterMs } },
    })
    const short = rig(refused(7_000))
    await short.until(8_000)
    expect(short.peer.connectsMs).toEqual([0, 7_010])
    const long = rig(refused(999_999_999))
    await long.until(3_700_000)
    expect(long.peer.connectsMs).toEqual([0, 3_600_010])
  })

  test('451 is told at once, with what to do', async () => {
    const { until } = rig({
      peer: { mode: 'refusing', refusal: { status: 451 } },
    })
    expect(rigNews(await until(100))).toEqual([
      'failing (1): answered 451: go away (the venue does not serve this location: run elsewhere, or set its REST and socket addresses to hosts that do)',
    ])
  })

  test('the connections of a wire do not all try while it is away, and all are back soon after it is', async () => {
    const channels = Array.from({ length: 40 }, (_, i) => `books:P${i}`)
    const limits = { connects: { perSecond: 0.5, burst: 10 } }
    const { until, peer, connections } = rig({ channels, limits, random: () => 1 })
    await until(60_000)
    peer.mode = 'away'
    peer.breakOff()
    await until(600_000)
    expect(peer.connectsMs.length).toBeLessThan(180)
    peer.mode = 'well'
    await until(605_000)
    expect(connections.map(({ state }) => state)).toEqual(Array(10).fill('live'))
  })

  test('one connection that cannot be made does not keep the others waiting for ever', async () => {
    const { until, connections } = rig({
      channels: Array.from({ length: 8 }, (_, i) => `books:P${i}`),
      wire: { opening: { by: 'address', url: (base, [first]) => `${base}/${first!.symbol}` } },
      peer: { deadEnd: '/P0' },
    })
    await until(120_000)
    expect(connections[1]!.state).toBe('live')
  })
})

describe('keeping alive', () => {
  const keepAlive = { everyMs: 18_000, whenIdle: false, answerMs: 10_000, ping: (id: number) => `ping ${id}` }
  const quiet = { wire: { keepAlive, idleMs: {} } } satisfies RigAbout

  test('pings as often as the venue wants, whatever comes', async () => {
    const { until, peer } = rig(quiet)
    await until(17_000)
    peer.say('book BTC')
    await until(40_000)
    expect(peer.log.slice(2)).toEqual(['18010 ping 1000001', '36010 ping 1000002'])
  })

  test('pings only in silence where that is what the venue wants', async () => {
    const { until, peer } = rig({ wire: { ...quiet.wire, keepAlive: { ...keepAlive, whenIdle: true } } })
    await until(10_000)
    peer.say('book BTC')
    await until(40_000)
    expect(peer.log.slice(2)).toEqual(['28000 ping 1000001'])
  })

  test('pings as often as the venue says with the address', async () => {
    const { until, peer } = rig({
      wire: {
        ...quiet.wire,
        opening: {
          by: 'request',
          request: (restUrl) => ({ method: 'POST', url: `${restUrl}/bullet`, weight: 1 }),
          parse: (_, { socketUrl }) => ({ url: `${socketUrl}/ws`, pingMs: 5_000 }),
        },
      },
      peer: { bodies: [{ kind: 'body', bytes: new Uint8Array() }] },
    })
    await until(11_000)
    expect(peer.log).toEqual([
      '0 POST /bullet',
      '10 connect /ws',
      '20 sub 1 books:BTC',
      '5020 ping 1000001',
      '10020 ping 1000002',
    ])
  })

  test('is in doubt from a ping on until something comes', async () => {
    const { until, connection } = rig(quiet)
    await until(18_015)
    expect(connection.state).toBe('stale')
    await until(18_035)
    expect(connection.state).toBe('live')
  })

  test('a ping that is not answered cuts', async () => {
    const { until, peer } = rig(quiet)
    await until(1_000)
    peer.say('book BTC')
    peer.mode = 'mute'
    expect(await until(28_020)).toEqual([
      '28010 lost: disconnected: silence, and no answer to a ping within 10 s, good at 1000',
    ])
  })

  test('where the venue wants none, 20 s of silence make us ask by the WebSocket itself', async () => {
    const { until, peer, connection } = rig({ wire: { idleMs: {} } })
    await until(30_000)
    expect(peer.log.slice(2)).toEqual(['20020 ws-ping'])
    expect(connection.state).toBe('live')
    peer.pongs = false
    expect(await until(60_000)).toContain(
      '50030 lost: disconnected: silence, and no answer to a ping within 10 s, good at 20030',
    )
  })

  test('goes on while subscribing takes its time', async () => {
    const { until, peer, connection } = rig({
      ...quiet,
      channels: Array.from({ length: 40 }, (_, i) => `books:P${i}`),
      limits: {
        subscriptionsPerMessage: 1,
        subscriptionsPerConnection: 40,
        messages: { perSecond: 1, burst: 1 },
      },
    })
    await until(35_000)
    expect(connection.state).toBe('subscribing')
    expect(peer.log.filter((line) => line.includes('ping'))).toEqual(['18010 ping 1000001'])
  })
})

describe('silence of one subscription', () => {
  test('is told, not cut, and told again after as long again', async () => {
    const { until, connection } = rig()
    expect(rigIdle(await until(19_000))).toEqual(['idle books:BTC', 'idle books:BTC'])
    expect(connection.state).toBe('live')
  })

  test('names those that are silent alone', async () => {
    const { until, peer, told } = rig({ channels: ['books:BTC', 'books:ETH', 'trades:ETH'] })
    for (let ms = 1_000; ms < 20_000; ms += 1_000) {
      await until(ms)
      peer.say('book BTC\ntrade ETH')
    }
    expect(rigIdle(told)).toEqual(['idle books:ETH', 'idle books:ETH'])
  })

  test('ends with a heartbeat of its product', async () => {
    const { until, peer, told } = rig()
    for (let ms = 1_000; ms < 18_000; ms += 1_000) {
      await until(ms)
      peer.say('beat BTC')
    }
    expect(rigIdle(told)).toEqual([])
  })
})

describe('ends that are foreseen', () => {
  test('a venue that is about to close is left at once, without a wait or an alert', async () => {
    const { until, peer } = rig()
    await until(1_000)
    peer.say('closing')
    expect(await until(1_100)).toEqual([
      '1000 lost: disconnected: the venue is about to close the connection, good at 1000',
      '1020 live books:BTC',
    ])
  })

  test('a venue that says so again and again is not run after', async () => {
    const { until, peer } = rig({ random: () => 1 })
    peer.answers = (text) => (text.startsWith('sub') ? ['ok 1', 'closing'] : undefined)
    await until(10_000)
    expect(peer.connectsMs.slice(0, 5)).toEqual([0, 20, 290, 810, 1_830])
  })

  test('a connection is replaced one to two minutes before the venue would end it', async () => {
    const day = 86_400_000
    for (const [chance, atMs] of [
      [0, day - 60_000 + 10],
      [1, day - 120_000 + 10],
    ] as const) {
      const { until, peer } = rig({ wire: { idleMs: {} }, limits: { lifeMs: day }, random: () => chance })
      await until(day)
      expect(peer.connectsMs).toEqual([0, atMs])
    }
  })
})

describe('closing', () => {
  test('ends the socket, and nothing is called back any more', async () => {
    const { until, timers, peer, connection } = rig()
    await until(1_000)
    const closed = connection.close()
    expect(connection.state).toBe('stopped')
    expect(await until(100_000)).toEqual([])
    await closed
    expect(peer.openCount).toBe(0)
    expect(timers.waiting).toBe(0)
  })

  test.each(['connecting', 'backing-off', 'waiting for a turn'])('works while %s', async (when) => {
    const { until, timers, peer, connections } = rig({
      channels:
        when === 'waiting for a turn' ? Array.from({ length: 40 }, (_, i) => `books:P${i}`) : ['books:BTC'],
      peer: { mode: when === 'backing-off' ? 'away' : 'well' },
    })
    await until(when === 'backing-off' ? 15 : 5)
    const closed = Promise.all(connections.map((connection) => connection.close()))
    await until(100_000)
    await closed
    expect(timers.waiting).toBe(0)
    expect(peer.openCount).toBe(0)
    expect(peer.connectsMs.length).toBeLessThanOrEqual(5)
  })
})

describe('addresses that are asked for', () => {
  const opening: Wire['opening'] = {
    by: 'request',
    request: (restUrl) => ({ method: 'POST', url: `${restUrl}/bullet`, weight: 1 }),
    parse: (body, { socketUrl, connectId }) => {
      const token = new TextDecoder().decode(body)
      if (token === '') return { refusal: { kind: 'wrong-shape', path: '', message: 'no token' } }
      return { url: `${socketUrl}/ws?token=${token}&id=${connectId.length > 0}` }
    },
  }
  const body = (text: string) => ({ kind: 'body', bytes: new TextEncoder().encode(text) }) as const

  test('are asked for anew at every connect', async () => {
    const { until, peer } = rig({
      wire: { opening },
      peer: { bodies: [body('a'), body('b')] },
    })
    await until(1_000)
    peer.breakOff()
    await until(2_000)
    expect(peer.log.filter((line) => !line.includes('sub'))).toEqual([
      '0 POST /bullet',
      '10 connect /ws?token=a&id=true',
      '1125 POST /bullet',
      '1135 connect /ws?token=b&id=true',
    ])
  })

  test('that a wire falls over are failures like any other', async () => {
    const broken: Wire['opening'] = {
      by: 'address',
      url: () => {
        throw new Error('fell over')
      },
    }
    const { until, connection } = rig({ wire: { opening: broken } })
    expect(await until(100)).toEqual(['0 lost: unreachable: no address: fell over'])
    expect(connection.state).toBe('backing-off')
  })

  test('that cannot be had or read are failures like any other', async () => {
    const { until } = rig({
      wire: { opening },
      peer: { bodies: [{ kind: 'failed', message: 'no route' }, body(''), body('c')] },
    })
    expect(await until(1_000)).toEqual([
      '10 lost: unreachable: no address to connect to: no route',
      '145 lost: unreachable: no address to connect to: no token',
      '425 live books:BTC',
    ])
  })

  test('that are refused for asking too much keep all of the wire away', async () => {
    const { until, peer } = rig({
      wire: { opening },
      peer: { bodies: [{ kind: 'refused', status: 429, message: '', retryAfterMs: 20_000 }, body('d')] },
    })
    expect(await until(21_000)).toEqual([
      '10 lost: unreachable: no address to connect to: answered 429',
      '20040 live books:BTC',
    ])
    expect(peer.requestsMs).toEqual([0, 20_010])
  })
})

function rigNews(told: readonly string[]): string[] {
  return told.map((line) => line.replace(/^\d+ /, '')).filter((line) => /^(failing|recovered)/.test(line))
}

function rigIdle(told: readonly string[]): string[] {
  return told.map((line) => line.replace(/^\d+ /, '')).filter((line) => line.startsWith('idle'))
}
