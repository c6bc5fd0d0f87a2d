import { describe, inject, test } from 'vitest'
import type { KafkaJars } from '../../ops/kafka/kafka-jars.ts'

/** What a test file may ask for, and what it gets. */
export type Services = {
  readonly 'kafka-jars': KafkaJars
  readonly kafka: { readonly brokers: readonly string[] }
  readonly postgres: { readonly url: string }
}

export type Answer<Value> = { readonly value: Value } | { readonly missing: string }

declare module 'vitest' {
  interface ProvidedContext {
    servicesUrl: string
  }
}

/** A service of this run: started now, where nobody has asked for it before. Never rejects. */
export async function service<Name extends keyof Services>(name: Name): Promise<Answer<Services[Name]>> {
  const response = await fetch(`${inject('servicesUrl')}/${name}`)
  return (await response.json()) as Answer<Services[Name]>
}

/**
 * A block of tests that needs a service. Where it is missing, one skipped test says what it takes; where CI is set that
 * test fails instead, so that no machine passes for want of a tool.
 */
export function describeWith<Value>(
  name: string,
  answer: Answer<Value>,
  tests: (value: Value) => void,
): void {
  if ('value' in answer) {
    describe(name, () => tests(answer.value))
    return
  }
  const needs = `needs what is missing here: ${answer.missing}`
  describe(name, () => {
    test.skipIf(!process.env['CI'])(needs, () => {
      throw new Error(answer.missing)
    })
  })
}
