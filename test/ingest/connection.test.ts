import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ConnectionState,
  type Life,
  type LifeAction,
  type LifeEvent,
  NEW_LIFE,
  nextLife,
} from '../../src/ingest/connection.ts'

/** Where each event leads from each state, and what is then done; `-` is nothing at all. */
const TABLE = `
             | connecting          | subscribing              | live                        | stale                       | backing-off        | stopped
  opened     | subscribing: greet  | -                        | -                           | -                           | -                  | -
  welcomed   | -                   | subscribing: subscribe   | -                           | -                           | -                  | -
  settled    | -                   | live: await-steadiness   | -                           | -                           | -                  | -
  frame      | -                   | -                        | -                           | live:                       | -                  | -
  ping-due   | -                   | subscribing: ping        | stale: ping                 | -                           | -                  | -
  ended      | backing-off: lose retry | backing-off: lose retry | backing-off: lose retry | backing-off: lose retry     | -                  | -
  unanswered | backing-off: lose retry | backing-off: lose retry | backing-off: lose retry | backing-off: lose retry     | -                  | -
  refused    | -                   | backing-off: lose retry  | backing-off: lose retry     | backing-off: lose retry     | -                  | -
  gap        | -                   | connecting: lose connect | connecting: lose connect    | connecting: lose connect    | -                  | -
  closing    | -                   | connecting: lose connect | connecting: lose connect    | connecting: lose connect    | -                  | -
  life-over  | -                   | connecting: lose connect | connecting: lose connect    | connecting: lose connect    | -                  | -
  steady     | -                   | -                        | -                           | -                           | -                  | -
  retry-due  | -                   | -                        | -                           | -                           | connecting: connect | -
  stop       | stopped: end        | stopped: end             | stopped: end                | stopped: end                | stopped: end       | -
`

describe('the life of a connection', () => {
  const [head, ...rows] = TABLE.trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()))
  const states = (head as string[]).slice(1) as ConnectionState[]
  const cases = rows.flatMap(([kind, ...cells]) =>
    cells.map((cell, at): [ConnectionState, LifeEvent['kind'], string] => [
      states[at]!,
      kind as LifeEvent['kind'],
      cell,
    ]),
  )
  test('the table has every state and every event', () => expect(cases).toHaveLength(6 * 14))
  test.each(cases)('%s, %s: %s', (state, kind, cell) => {
    expect(said(nextLife(inState(state), event(kind), middle), state)).toBe(cell)
  })
})

describe('what a connection earns and loses', () => {
  test('30 s live makes the next failure its first', () => {
    expect(play('ended ended retry-due opened settled steady').failures).toBe(0)
    expect(play('ended retry-due opened settled').failures).toBe(1)
  })

  test('people are told of the fifth failure, of no other, and of steadiness after it', () => {
    const down = Array(12).fill('ended retry-due').join(' ')
    expect(newsOf(`${down} opened settled steady steady`)).toEqual(['failing', 'recovered'])
    expect(newsOf('ended retry-due opened settled steady')).toEqual([])
  })

  test('a second foreseen end before it was steady waits like a failure, and is none after it was', () => {
    expect(play('opened closing opened gap').state).toBe('backing-off')
    expect(play('opened closing opened settled steady gap').state).toBe('connecting')
  })

  test('reasons of a hole say what happened', () => {
    expect(reasonsOf('ended')).toEqual(['unreachable'])
    expect(reasonsOf('opened ended')).toEqual(['disconnected'])
    expect(reasonsOf('opened settled unanswered')).toEqual(['disconnected'])
    expect(reasonsOf('opened refused')).toEqual(['bad-answer'])
    expect(reasonsOf('opened settled gap')).toEqual(['sequence-gap'])
  })
})

test('whatever happens: nothing but a stop ends it, a loss is told for every socket, and it always tries again', () => {
  const kinds = fc.constantFrom(...EVENTS.filter((kind) => kind !== 'stop'))
  fc.assert(
    fc.property(fc.array(kinds, { maxLength: 200 }), (events) => {
      let life = NEW_LIFE.life
      let attempts = 1
      let lost = 0
      for (const kind of events) {
        const step = nextLife(life, event(kind), middle)
        const does = step.actions.map((action) => action.does)
        attempts += does.filter((one) => one === 'connect').length
        lost += does.filter((one) => one === 'lose').length
        expect(step.life.state).not.toBe('stopped')
        // Waiting for the next attempt is the only state without one.
        expect(attempts - lost).toBe(step.life.state === 'backing-off' ? 0 : 1)
        if (step.life.state === 'backing-off' && life.state !== 'backing-off') expect(does).toContain('retry')
        life = step.life
      }
    }),
  )
})

const EVENTS = TABLE.trim()
  .split('\n')
  .slice(1)
  .map((row) => row.split('|')[0]!.trim() as LifeEvent['kind'])

const middle = () => 0.5

function inState(state: ConnectionState): Life {
  return { ...NEW_LIFE.life, state }
}

function event(kind: LifeEvent['kind']): LifeEvent {
  return { kind, message: 'because' } as LifeEvent
}

function said(
  { life, actions }: { life: Life; actions: readonly LifeAction[] },
  before: ConnectionState,
): string {
  if (life.state === before && actions.length === 0) return '-'
  return `${life.state}: ${actions.map(({ does }) => does).join(' ')}`.trim()
}

function play(kinds: string): Life {
  return steps(kinds).at(-1)!.life
}

function newsOf(kinds: string): string[] {
  return steps(kinds).flatMap(({ actions }) =>
    actions.flatMap((action) => (action.does === 'tell' ? [action.kind] : [])),
  )
}

function reasonsOf(kinds: string): string[] {
  return steps(kinds).flatMap(({ actions }) =>
    actions.flatMap((action) => (action.does === 'lose' ? [action.reason] : [])),
  )
}

function steps(kinds: string) {
  let { life } = NEW_LIFE
  return kinds.split(' ').map((kind) => {
    const step = nextLife(life, event(kind as LifeEvent['kind']), middle)
    life = step.life
    return step
  })
}
