import { readFileSync } from 'node:fs'
import { EngineError } from '../models/engine-error.ts'
import { VENUES } from '../models/scalars.ts'
import { parseDuration } from '../models/time.ts'
import type { Timers } from '../models/timers.ts'
import { parseFaultScript, type ScriptedFault } from '../simulator/exchange-faults.ts'
import { PRODUCTS_MAX } from '../simulator/exchange-listing.ts'
import { serveSimulator } from '../simulator/serve.ts'
import { openSimulator, type Simulator } from '../simulator/sim.ts'
import type { Context } from './context.ts'
import { realTimers } from './real-timers.ts'

export type SimulateOptions = {
  readonly port: number
  readonly seed: number
  /** Made-up products a venue; undefined: those that each lists by itself. */
  readonly products: number | undefined
  /** Changes of each book in a second. */
  readonly rate: number
  readonly faults: readonly ScriptedFault[]
  /** Undefined: until stopped. */
  readonly forMs: number | undefined
}

/** `tidebook simulate`: five venues on this machine, with whatever goes wrong by script, until stopped. */
export async function simulate(context: Context, options: SimulateOptions): Promise<number> {
  const timers = realTimers(context)
  const { seed, rate, products } = options
  const simulator = openSimulator({
    seed,
    timers,
    rates: { stepsPerSecond: rate },
    ...(products === undefined ? {} : { products }),
  })
  const served = await serveSimulator(simulator, { port: options.port, after: timers.after })
  try {
    context.out(introduction(served.url, simulator))
    simulator.play(options.faults)
    await ended(context.stop, options.forMs, timers.after)
    return 0
  } finally {
    simulator.close()
    await served.close()
  }
}

function introduction(url: string, simulator: Simulator): string {
  const venues = VENUES.map((venue) => {
    const products = simulator.products(venue)
    const more = products.length > SHOWN ? ` and ${products.length - SHOWN} more` : ''
    return `  ${venue.padEnd(9)} ${products.slice(0, SHOWN).join(', ')}${more}`
  })
  return `Five simulated venues at ${url}\n${venues.join('\n')}\n\nPoint Tidebook at them:\n  SIMULATOR_URL=${url} npm run start\n`
}

const SHOWN = 8

function ended(stop: AbortSignal, forMs: number | undefined, after: Timers['after']): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve()
    const cancel = forMs === undefined ? undefined : after(forMs, resolve)
    stop.addEventListener('abort', () => {
      cancel?.()
      resolve()
    })
  })
}

/** Options as typed, to what they mean. Throws one EngineError (`usage`) that names every bad one with what was expected. */
export function parseSimulateOptions(raw: Readonly<Record<string, unknown>>): SimulateOptions {
  const problems: string[] = []
  function read<T>(name: string, fallback: T, expected: string, parse: (text: string) => T | undefined): T {
    if (raw[name] === undefined) return fallback
    const value = parse(String(raw[name]).trim())
    if (value === undefined) problems.push(`--${name} got "${String(raw[name])}", expected ${expected}`)
    return value ?? fallback
  }
  const options = {
    port: read('port', 7_300, 'a port, or 0 for any that is free', whole(0, 65_535)),
    seed: read('seed', 1, 'a whole number', whole(0, Number.MAX_SAFE_INTEGER)),
    products: read('products', undefined, `a whole number from 1 to ${PRODUCTS_MAX}`, whole(1, PRODUCTS_MAX)),
    rate: read('rate', 10, `a whole number from 1 to ${RATE_MAX}`, whole(1, RATE_MAX)),
    forMs: read('for', undefined, 'a duration, such as 30s', parseDuration),
  }
  if (problems.length > 0) {
    const hint = 'tidebook simulate --help shows all options'
    throw new EngineError('usage', `simulate cannot be run so:\n  ${problems.join('\n  ')}`, { hint })
  }
  const path = raw['faults']
  return { ...options, faults: path === undefined ? [] : parseFaultScript(readScript(String(path))) }
}

const RATE_MAX = 100

function readScript(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new EngineError('usage', `the script of faults ${path} cannot be read`, {
      hint: '--faults takes the path of a JSON file',
      cause,
    })
  }
}

function whole(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : undefined
    return value !== undefined && value >= min && value <= max ? value : undefined
  }
}
