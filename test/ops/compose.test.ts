import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { loadConfig } from '../../src/config.ts'
import { variables } from '../../src/config-variables.ts'
import { describeWith } from '../services/services.ts'

/**
 * What compose.yaml is relied on for, checked without Docker's engine; by Docker itself where its compose is at hand. There
 * is no YAML reader among our packages: Python's does.
 */

const Service = z.looseObject({
  image: z.string(),
  profiles: z.array(z.string()).default([]),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  restart: z.string(),
  depends_on: z
    .record(z.string(), z.object({ condition: z.string(), required: z.boolean().default(true) }))
    .default({}),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
})
type Service = z.infer<typeof Service>
const Compose = z.object({
  name: z.literal('tidebook'),
  'x-part': z.unknown(),
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.null()),
})

const PARTS = ['ingest', 'process', 'schedule']
const text = readFileSync('compose.yaml', 'utf8')
const kafkaEnv = parseEnv(readFileSync('ops/kafka.env', 'utf8'))

describeWith('compose.yaml', yamlReader(), () => {
  const embedded = servicesOf({}, [])
  const kafka = servicesOf(kafkaEnv, ['kafka'])

  test('starts the parts alone by default, and Redpanda, its Console and PostgreSQL with the profile kafka', () => {
    expect(Object.keys(embedded)).toEqual(PARTS)
    expect(Object.keys(kafka)).toEqual([...PARTS, 'redpanda', 'console', 'postgres'])
  })

  test('opens the ports that people know, to this machine only', () => {
    expect(Object.values(kafka).flatMap(({ ports }) => ports)).toEqual([
      '127.0.0.1:19092:19092',
      '127.0.0.1:9644:9644',
      '127.0.0.1:8080:8080',
      '127.0.0.1:8088:8080',
      '127.0.0.1:5432:5432',
    ])
  })

  test('keeps the ingestor down once it has given up, and starts the others three times', () => {
    const restarts = Object.entries(kafka).map(([name, { restart }]) => [name, restart])
    expect(Object.fromEntries(restarts)).toEqual({
      ingest: 'no',
      process: 'on-failure:3',
      schedule: 'on-failure:3',
      redpanda: 'on-failure:3',
      console: 'on-failure:3',
      postgres: 'on-failure:3',
    })
  })

  test('asks for the health of whatever others wait for, and of every part', () => {
    const waitedFor = Object.values(kafka).flatMap((service) => Object.keys(service.depends_on))
    for (const name of new Set([...waitedFor, ...PARTS])) expect(kafka[name]!.healthcheck, name).toBeDefined()
    expect(kafka['process']!.healthcheck!.test).toEqual(['CMD', 'tidebook', 'status'])
  })

  test.each(PARTS)('%s runs a verb of ours, on the volume that its settings name', (part) => {
    const { command, environment, volumes } = embedded[part]!
    expect(command).toEqual([part])
    expect(verbs()).toContain(part)
    expect(volumes).toEqual([`data:${environment['DATA_DIR']}`])
  })

  test.each(PARTS)('%s has settings that exist and are accepted, in both shapes', (part) => {
    const known = Object.values(variables).map(({ name }) => name as string)
    expect(Object.keys(embedded[part]!.environment).filter((name) => !known.includes(name))).toEqual([])
    expect(settingsOf(embedded[part]!)).toMatchObject({ dataDir: '/data', feedPartitions: 1 })
    expect(settingsOf(embedded[part]!).kafkaBrokers ?? []).toEqual([])
    expect(settingsOf(embedded[part]!).databaseUrl).toBeUndefined()
    expect(settingsOf(kafka[part]!)).toMatchObject({ kafkaBrokers: ['redpanda:9092'], feedPartitions: 6 })
  })

  test('what .env says of localhost stays outside of the containers', () => {
    const env = {
      KAFKA_BROKERS: 'localhost:19092',
      DATABASE_URL: 'postgres://localhost/x',
      FEED_PARTITIONS: '4',
    }
    const { environment } = servicesOf(env, [])['process']!
    expect(environment).toMatchObject({ KAFKA_BROKERS: '', DATABASE_URL: '', FEED_PARTITIONS: '4' })
  })

  test('parts wait for Redpanda and PostgreSQL where these are started, and do without them where not', () => {
    for (const part of PARTS) {
      const { redpanda, postgres } = embedded[part]!.depends_on
      expect([redpanda, postgres]).toEqual(Array(2).fill({ condition: 'service_healthy', required: false }))
    }
  })

  test('Redpanda, its Console and PostgreSQL are what the parts are told they are', () => {
    const { redpanda, console: ui, postgres, process: part } = kafka as Record<string, Service>
    const [inside, outside] = /--advertise-kafka-addr=internal:\/\/([^,]+),external:\/\/(\S+)/
      .exec(redpanda!.command.join('\n'))!
      .slice(1)
    expect([inside, outside]).toEqual(['redpanda:9092', 'localhost:19092'])
    expect(part!.environment['KAFKA_BROKERS']).toBe(inside)
    expect(ui!.environment['KAFKA_BROKERS']).toBe(inside)
    const { POSTGRES_USER: user, POSTGRES_PASSWORD: password, POSTGRES_DB: database } = postgres!.environment
    expect(part!.environment['DATABASE_URL']).toBe(`postgres://${user}:${password}@postgres:5432/${database}`)
  })

  test('every volume that is mounted is declared, and every image has a version', () => {
    const declared = Object.keys(Compose.parse(JSON.parse(yaml(text))).volumes)
    const mounted = Object.values(kafka).flatMap(({ volumes }) =>
      volumes.map((volume) => volume.split(':')[0]),
    )
    expect(declared).toEqual([...new Set(mounted)])
    const foreign = Object.values(kafka).filter(({ image }) => image !== 'tidebook')
    expect(foreign.filter(({ image }) => !/:v?\d[\d.]*$/.test(image))).toEqual([])
  })
})

describe('the image', () => {
  const dockerfile = readFileSync('ops/Dockerfile', 'utf8')

  test('is made of files that exist and that .dockerignore lets through', () => {
    const sent = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) =>
      files!.split(' '),
    )
    expect(copied.filter((file) => !existsSync(file) || !sent.includes(`!${file}`))).toEqual([])
    expect(sent.filter((line) => !copied.includes(line.slice(1)))).toEqual([])
  })

  test('runs as nobody in particular, stops at SIGTERM, and is healthy while status is', () => {
    expect(dockerfile.match(/^(USER|STOPSIGNAL|ENTRYPOINT|CMD) .*$/gm)).toEqual([
      'USER node',
      'STOPSIGNAL SIGTERM',
      'ENTRYPOINT ["tidebook"]',
      'CMD ["start"]',
    ])
    expect(dockerfile).toMatch(/^HEALTHCHECK .* CMD \["tidebook", "status"\]$/m)
    expect(verbs()).toContain('start')
  })

  test('has the Node that we ask for', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } }
    const least = Number(/\d+/.exec(engines.node)![0])
    const versions = [...dockerfile.matchAll(/^FROM node:(\d+)-slim/gm)].map(([, version]) => Number(version))
    expect(versions).toHaveLength(2)
    expect(Math.min(...versions)).toBeGreaterThanOrEqual(least)
  })
})

describe.skipIf(spawnSync('docker', ['compose', 'version']).status !== 0)('docker compose', () => {
  test.each([[[]], [['--profile', 'kafka', '--env-file', 'ops/kafka.env']]])(
    'accepts it with %j',
    (options) => {
      const { status, stderr } = spawnSync('docker', ['compose', ...options, 'config', '--quiet'], {
        encoding: 'utf8',
      })
      expect(stderr).toBe('')
      expect(status).toBe(0)
    },
  )
})

/** The services that are started, as compose reads them: with the values of an env file, and with these profiles. */
function servicesOf(env: NodeJS.Dict<string>, profiles: readonly string[]): Record<string, Service> {
  const { services } = Compose.parse(JSON.parse(interpolated(yaml(text), env)))
  return Object.fromEntries(
    Object.entries(services).filter(
      ([, service]) =>
        service.profiles.length === 0 || service.profiles.some((name) => profiles.includes(name)),
    ),
  )
}

/** `${NAME:-otherwise}`, innermost first. */
function interpolated(text: string, env: NodeJS.Dict<string>): string {
  const replaced = text.replace(
    /\$\{(\w+):-([^${}]*)\}/g,
    (_, name: string, otherwise: string) => env[name] || otherwise,
  )
  return replaced === text ? text : interpolated(replaced, env)
}

function settingsOf({ environment }: Service) {
  // As they are in a container of Node's image.
  return loadConfig({
    HOSTNAME: 'c0ffee',
    HOME: '/home/node',
    NODE_VERSION: '22.1.0',
    NODE_ENV: 'production',
    ...environment,
  })
}

function verbs(): string[] {
  const source = readFileSync('src/commands/tidebook.ts', 'utf8')
  return [...source.matchAll(/^verb\(\s*'([a-z-]+)'/gm)].map(([, name]) => name!)
}

function yaml(source: string): string {
  const script = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'
  const { stdout, stderr, status } = spawnSync(pythonPath()!, ['-c', script], {
    input: source,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** The first Python that has PyYAML: an own one on the PATH may not have what the system's package brings. */
function pythonPath(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((path) => spawnSync(path, ['-c', 'import yaml']).status === 0)
}

function yamlReader() {
  return pythonPath() === undefined
    ? { missing: 'Python 3 with PyYAML reads it (Debian and Ubuntu: apt-get install python3-yaml)' }
    : { value: null }
}
