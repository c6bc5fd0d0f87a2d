import { expect, test } from 'vitest'
import { openKafkaClients } from '../../../src/broker/kafka/client.ts'

const ADDRESS = { brokers: ['127.0.0.1:9092'], clientId: 'tidebook-test' }

test.each(['', 'ca.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'])(
  'an authority of TLS that is no certificate (%j) is told before anything is tried',
  (ca) => {
    expect(() => openKafkaClients({ ...ADDRESS, tls: { ca } }, undefined)).toThrow(
      expect.objectContaining({
        code: 'bad-config',
        message: 'KAFKA_TLS_CA_FILE holds no certificate',
        hint: expect.stringContaining('BEGIN CERTIFICATE'),
      }),
    )
  },
)
