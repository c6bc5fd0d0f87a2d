import { expect, test } from 'vitest'
import { freePorts } from '../../ops/ports.ts'
import { withOwnKafka } from '../services/own-kafka.ts'
import { openKafka, openWithTopics } from './kafka-brokers.ts'
import { readAll, record } from './logs.ts'

/** A Kafka that lets in only who knows the password. */
withOwnKafka('kafka with passwords', (kafkas) => {
  const MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const USERS = 'username="broker" password="b" user_broker="b" user_tidebook="secret"'

  async function start() {
    const [port, controller] = await freePorts(2)
    await kafkas.start({
      overrides: {
        listeners: `CLIENT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
        'advertised.listeners': `CLIENT://127.0.0.1:${port}`,
        'controller.quorum.voters': `1@127.0.0.1:${controller}`,
        'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name': 'CLIENT',
        'sasl.mechanism.inter.broker.protocol': 'PLAIN',
        'sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.client.plain.sasl.jaas.config': `${MODULE} required ${USERS};`,
      },
    })
    return [`127.0.0.1:${port}`]
  }

  test('the right one opens, and a wrong one is told at once', { timeout: 120_000 }, async () => {
    const brokers = await start()
    const sasl = { mechanism: 'plain', username: 'tidebook', password: 'secret' } as const
    const { broker, books } = await openWithTopics(brokers, { sasl })
    await broker.publish([record(1, { topic: books.topic })])
    expect(await readAll(broker, { topic: books.topic, partition: 0 })).toHaveLength(1)
    await expect(openKafka(brokers, { sasl: { ...sasl, password: 'wrong' } })).rejects.toMatchObject({
      code: 'broker-refused',
      retry: 'no',
      hint: expect.stringContaining('KAFKA_PASSWORD'),
    })
    await expect(openKafka(brokers, { sasl: { ...sasl, mechanism: 'scram-sha-256' } })).rejects.toMatchObject(
      {
        code: 'broker-refused',
      },
    )
    await expect(openKafka(brokers)).rejects.toMatchObject({ code: 'broker-unreachable' })
  })
})
