// Loaded before a compiled command (node --import): stands between it and the faces it opens, and kills the process at the
// CRASH_PASSING-th time that it comes by the edge CRASH_EDGE. Each alert that a sink has taken is a line in the file CRASH_TOLD.
// Without an edge it only writes down what was told.
import { appendFileSync, writeSync } from 'node:fs'
import { register } from 'node:module'
import { openSinks as openRealSinks } from '../../dist/src/alerts/sinks.js'
import { openBroker as openRealBroker } from '../../dist/src/broker/open-broker.js'
import { openStore as openRealStore } from '../../dist/src/store/open-store.js'

// What is not exported here under a name of its own is the real one.
export * from '../../dist/src/alerts/sinks.js'
export * from '../../dist/src/broker/open-broker.js'
export * from '../../dist/src/store/open-store.js'

const { CRASH_EDGE: edge, CRASH_PASSING: passing, CRASH_TOLD: told } = process.env

const hooks = `export function resolve(specifier, context, next) {
  const opensFace = /[/](open-broker|open-store|sinks)[.]js$/.test(specifier)
  const fromCommand = context.parentURL?.includes('/dist/src/commands/')
  return next(opensFace && fromCommand ? ${JSON.stringify(import.meta.url)} : specifier, context)
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)

/** Few records a batch, and a clock that makes a commit due after each: a small log has many edges. */
const BATCH_RECORDS = 5
const CLOCK_SPEED = 1_000
/** Positions are told once a second, or when the process is stopped: after so many commits it stops itself. */
const COMMITS_UNTIL_STOP = 2
if (edge !== undefined) {
  const realNow = performance.now.bind(performance)
  performance.now = () => realNow() * CLOCK_SPEED
}

let passings = 0
function pass(name) {
  if (name !== edge || ++passings !== Number(passing)) return
  writeSync(2, `killed at ${name}\n`)
  process.kill(process.pid, 'SIGKILL')
}

async function between(name, work) {
  pass(`before-${name}`)
  const answer = await work()
  pass(`after-${name}`)
  return answer
}

const PUBLISHERS = [
  ['reject:', 'reject-publish'],
  ['resend:', 'resend-publish'],
  ['insights-', 'insights-publish'],
]

function publishName([record]) {
  return PUBLISHERS.find(([prefix]) => record?.run.startsWith(prefix))?.[1] ?? 'publish'
}

export async function openBroker(config, about) {
  const broker = await openRealBroker(config, about)
  return {
    ...broker,
    publish: (records) => between(publishName(records), () => broker.publish(records)),
    commitOffsets: (group, offsets) => between('tell-broker', () => broker.commitOffsets(group, offsets)),
    consume: (options) =>
      broker.consume(edge === undefined ? options : { ...options, batchRecordsMax: BATCH_RECORDS }),
  }
}

let commits = 0
async function committed(work) {
  const answer = await between('commit', work)
  if (++commits === COMMITS_UNTIL_STOP && edge?.endsWith('tell-broker')) process.kill(process.pid, 'SIGTERM')
  return answer
}

export async function openStore(config, monotonicMs) {
  const store = await openRealStore(config, monotonicMs)
  const done = (ids, sink, sinks) => {
    const noted = () => store.outbox.done(ids, sink, sinks)
    return sink === 'rejections' ? noted() : between('outbox-done', noted)
  }
  return {
    ...store,
    commit: (commit) => committed(() => store.commit(commit)),
    outbox: { ...store.outbox, done },
  }
}

export function openSinks(settings, log) {
  return openRealSinks(settings, log).map((sink) => ({
    ...sink,
    send: (alert, about) =>
      between('alert-send', async () => {
        await sink.send(alert, about)
        appendFileSync(told, `${alert.id}\n`)
      }),
  }))
}
