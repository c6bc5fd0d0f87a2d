import { pino } from 'pino'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../ops/ports.ts'
import type { KafkaAddress } from '../../src/broker/kafka/client.ts'
import { openBroker } from '../../src/broker/open-broker.ts'
import { loadConfig } from '../../src/config.ts'
import { withOwnKafka } from '../services/own-kafka.ts'
import { type Authority, HAS_OPENSSL, openAuthority } from './certificates.ts'
import { openKafka, openWithTopics } from './kafka-brokers.ts'
import { listen, readAll, record } from './logs.ts'

const NEEDS = HAS_OPENSSL ? '' : ': needs openssl'

/** Listeners of one broker, by the name that Kafka knows them by. */
const LISTENERS = {
  GUARDED: 'whose certificate is for its address',
  ELSEWHERE: 'whose certificate is for another name',
  MUTUAL: 'that wants a certificate of the client',
  OPEN: 'without TLS',
} as const
type Listener = keyof typeof LISTENERS

withOwnKafka(`a Kafka that speaks TLS${NEEDS}`, (kafkas) => {
  describe.skipIf(!HAS_OPENSSL && !process.env['CI'])('with an authority of its own', () => {
    let ours: Authority
    let another: Authority
    let at: Readonly<Record<Listener, readonly string[]>>
    beforeAll(async () => {
      const dir = kafkas.folder()
      ours = openAuthority(dir, 'ours')
      another = openAuthority(dir, 'another')
      const [controller, ...ports] = await freePorts(5)
      const [guarded, elsewhere, mutual, open] = ports.map((port) => [`127.0.0.1:${port}`])
      at = { GUARDED: guarded!, ELSEWHERE: elsewhere!, MUTUAL: mutual!, OPEN: open! }
      const listeners = Object.entries(at)
        .map(([name, [address]]) => `${name}://${address}`)
        .join()
      await kafkas.start({
        overrides: {
          listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
          'advertised.listeners': listeners,
          'controller.quorum.voters': `1@127.0.0.1:${controller}`,
          'listener.security.protocol.map':
            'GUARDED:SSL,ELSEWHERE:SSL,MUTUAL:SSL,OPEN:PLAINTEXT,CONTROLLER:PLAINTEXT',
          'inter.broker.listener.name': 'OPEN',
          ...certificate('guarded', ours.sign('IP:127.0.0.1')),
          ...certificate('elsewhere', ours.sign('DNS:kafka.example')),
          ...certificate('mutual', ours.sign('IP:127.0.0.1')),
          'listener.name.mutual.ssl.client.auth': 'required',
          'listener.name.mutual.ssl.truststore.type': 'PEM',
          'listener.name.mutual.ssl.truststore.location': ours.caFile,
        },
      })
    }, 60_000)

    test('is written to and read from by whoever trusts that authority', async () => {
      const { broker, books } = await openWithTopics(at.GUARDED, { tls: { ca: ours.ca } })
      await broker.publish([record(1, { topic: books.topic })])
      expect(await readAll(broker, { topic: books.topic, partition: 0 })).toMatchObject([
        { value: 'run-1-1' },
      ])
      const { until } = await listen(broker, { topics: [books.topic], group: books.topic })
      await until(1)
    })

    test('also by KAFKA_TLS and KAFKA_TLS_CA_FILE', async () => {
      const config = loadConfig({
        KAFKA_BROKERS: at.GUARDED[0],
        KAFKA_TLS: 'true',
        KAFKA_TLS_CA_FILE: ours.caFile,
        DATA_DIR: kafkas.folder(),
      })
      const monotonicMs = () => performance.now()
      const clocks = { nowMs: Date.now, monotonicMs, random: Math.random }
      const broker = await openBroker(config, { ...clocks, log: pino({ level: 'silent' }) })
      onTestFinished(() => broker.close())
      expect((await broker.topics()).map(({ topic }) => topic)).toContain('books.coinbase')
    })

    test('also where that authority is one of several', async () => {
      await openKafka(at.GUARDED, { tls: { ca: another.ca + ours.ca } })
    })

    const refusals: [string, Listener, () => KafkaAddress['tls'], RegExp, RegExp][] = [
      ['the wrong authority', 'GUARDED', () => ({ ca: another.ca }), /self-signed/, /KAFKA_TLS_CA_FILE/],
      ['no authority but the public ones', 'GUARDED', () => true, /self-signed/, /KAFKA_TLS_CA_FILE/],
      ['no TLS', 'GUARDED', () => false, /Closed connection/, /KAFKA_TLS/],
      ['TLS', 'OPEN', () => ({ ca: ours.ca }), /before secure TLS/, /does not speak TLS/],
      ['the authority', 'ELSEWHERE', () => ({ ca: ours.ca }), /altnames: IP: 127\.0\.0\.1/, /KAFKA_BROKERS/],
      [
        'the authority',
        'MUTUAL',
        () => ({ ca: ours.ca }),
        /alert (bad certificate|certificate required);/,
        /client\.auth/,
      ],
    ]
    for (const [what, listener, tls, seen, hint] of refusals) {
      test(`${what} at a listener ${LISTENERS[listener]}: what was seen is told, and what to set`, async () => {
        const error = await openKafka(at[listener], { tls: tls() }).catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({
          code: 'broker-unreachable',
          message: expect.stringMatching(seen),
          hint: expect.stringMatching(hint),
        })
        expect((error as Error).message).toContain(`tried ${at[listener][0]}`)
      })
    }
  })
})

/** Key and certificate of a listener. */
function certificate(listener: string, file: string): Record<string, string> {
  return {
    [`listener.name.${listener}.ssl.keystore.type`]: 'PEM',
    [`listener.name.${listener}.ssl.keystore.location`]: file,
  }
}
