import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BookEvent, type BookPhase, nextBook } from '../../src/ingest/book-sync.ts'

describe('a book, what happens to it, and what is done', () => {
  const rows: [BookPhase, BookEvent, string][] = [
    ['empty', 'live', 'buffering: await'],
    ['empty', 'snapshot', 'in-step: install, good'],
    ['empty', 'change', 'buffering: buffer, await'],
    ['empty', 'cut', 'empty:'],
    ['buffering', 'change', 'buffering: buffer'],
    ['buffering', 'gap', 'buffering: forget, buffer, ask'],
    ['buffering', 'snapshot', 'in-step: install, good'],
    ['buffering', 'unfit', 'buffering: drop, ask'],
    ['buffering', 'missing', 'buffering: ask'],
    ['buffering', 'cut', 'empty: forget'],
    ['in-step', 'change', 'in-step: apply'],
    ['in-step', 'old', 'in-step: drop'],
    ['in-step', 'gap', 'resyncing: lost, forget, buffer, ask'],
    ['in-step', 'failed', 'resyncing: lost, forget, ask'],
    ['in-step', 'shallow', 'in-step: ask'],
    ['in-step', 'idle', 'in-step: ask'],
    ['in-step', 'missing', 'in-step: ask'],
    ['in-step', 'snapshot', 'in-step: renew'],
    ['in-step', 'cut', 'empty: lost, forget'],
    ['resyncing', 'change', 'resyncing: buffer'],
    ['resyncing', 'failed', 'resyncing: forget, ask'],
    ['resyncing', 'snapshot', 'in-step: install, good'],
    ['resyncing', 'cut', 'empty: forget'],
  ]
  test.each(rows)('%s, %s -> %s', (phase, event, expected) => {
    const step = nextBook(phase, event)
    expect(`${step.phase}: ${step.does.join(', ')}`.trim()).toBe(expected)
  })
})

const EVENTS: BookEvent[] = [
  'live',
  'snapshot',
  'unfit',
  'change',
  'old',
  'gap',
  'failed',
  'idle',
  'shallow',
  'missing',
  'cut',
]

test('whatever happens: changes are applied in step only, and every step out of step is said once', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }), (events) => {
      let phase: BookPhase = 'empty'
      for (const event of events) {
        const step = nextBook(phase, event)
        const wasInStep = phase === 'in-step'
        const isInStep = step.phase === 'in-step'
        expect(step.does.includes('apply')).toBe(wasInStep && event === 'change')
        expect(step.does.includes('lost')).toBe(wasInStep && !isInStep)
        expect(step.does.includes('good')).toBe(!wasInStep && isInStep)
        expect(step.does.includes('lost') ? step.does[0] : 'lost').toBe('lost')
        phase = step.phase
      }
    }),
  )
})
