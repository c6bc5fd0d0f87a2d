import { defineConfig } from 'vitest/config'

/** Tests on a real Kafka or PostgreSQL, one file after another: each has the shared ones to itself. */
const ON_SERVICES = ['test/**/*.kafka.test.ts', 'test/**/*.postgres.test.ts']

const common = { testTimeout: 30_000, hookTimeout: 60_000, pool: 'forks' } as const

export default defineConfig({
  test: {
    globalSetup: ['test/build-once.ts', 'test/services/start-services.ts'],
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...common,
          name: 'embedded',
          include: ['test/**/*.test.ts'],
          exclude: ON_SERVICES,
          maxWorkers: 2,
        },
      },
      { test: { ...common, name: 'services', include: ON_SERVICES, fileParallelism: false } },
    ],
  },
})
