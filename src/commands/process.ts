import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { EngineError, type ErrorCode } from '../models/engine-error.ts'
import type { Runner } from '../processors/run-processors.ts'
import type { Context } from './context.ts'
import { startEngine } from './engine.ts'
import { openErrands } from './errands.ts'
import { isShared, takePlace } from './place.ts'

/**
 * How much the heap may grow, in percent of what is alive, before it is cleaned. V8 would let it grow fourfold: rows wait a
 * second for their commit, and what has died since would be kept as well.
 */
const HEAP_GROWING_PERCENT = 20

/** How long to wait before the next try where Kafka or PostgreSQL cannot be reached: twice as long each time, up to 10 s. */
const AGAIN_MS = 500
const AGAIN_MS_MAX = 10_000

/**
 * Makes the tables: brings them up to the end of the log and keeps them there until it is stopped. Where Kafka or PostgreSQL
 * goes away it lets go of everything, and begins anew from the positions kept once they are back.
 */
export async function processRecords(
  context: Context,
  options: { acceptLog?: boolean } = {},
): Promise<number> {
  const { config, log, stop } = context
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const place = await takePlace(context, 'process')
  if (config.kafkaBrokers !== undefined && !isShared(context)) {
    log.info(
      'tables are in the embedded store: one process makes them; with DATABASE_URL several share the work',
    )
  }
  for (let failures = 0; !stop.aborted; failures++) {
    const startedMs = context.monotonicMs()
    const failure = await processUntilStopped(context, options)
    if (failure === undefined) break
    if (!isPassing(failure.error)) {
      place.release()
      throw failure.error
    }
    if (context.monotonicMs() - startedMs > AGAIN_MS_MAX) failures = 0
    const againMs = Math.min(AGAIN_MS * 2 ** failures, AGAIN_MS_MAX) * (0.5 + context.random() / 2)
    const why = failure.error instanceof Error ? failure.error.message : String(failure.error)
    log.warn({ err: failure.error, againMs: Math.round(againMs) }, `processing waits and begins anew: ${why}`)
    await delay(againMs, undefined, { signal: stop }).catch(() => undefined)
  }
  place.release()
  log.info({}, 'processing has ended, everything read is committed')
  return 0
}

/** Others come back by themselves; a disk of ours that is full or broken is for a person to see. */
const ELSEWHERE: readonly ErrorCode[] = ['broker-unreachable', 'store-unreachable']

function isPassing(error: unknown): boolean {
  return error instanceof EngineError && error.retry !== 'no' && ELSEWHERE.includes(error.code)
}

type Failure = { readonly error: unknown }

/** Answers what broke it, or nothing where it was stopped in order. */
async function processUntilStopped(
  context: Context,
  { acceptLog }: { acceptLog?: boolean },
): Promise<Failure | undefined> {
  let wake = (): void => undefined
  try {
    const engine = await startEngine(context, { acceptLog, onOutbox: () => wake() })
    const errands = await openErrands(context, engine)
    wake = errands.wake
    wake()
    context.log.info({ dataDir: context.config.dataDir }, 'processing')
    const broken = await Promise.race([stopped(context), failureOf(engine.runner)])
    errands.last()
    if (broken === undefined) await engine.runner.close()
    await errands.close()
    // After a failure, what can still be closed is; its own complaint would hide the cause.
    await (broken === undefined ? engine.close() : engine.close().catch(() => undefined))
    return broken
  } catch (error) {
    return { error }
  }
}

async function failureOf(runner: Runner): Promise<Failure | undefined> {
  try {
    await runner.done
    return undefined
  } catch (error) {
    return { error }
  }
}

function stopped({ stop }: Context): Promise<undefined> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve(undefined)
    else stop.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
