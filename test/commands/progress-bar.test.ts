import { expect, test } from 'vitest'
import { progressBar } from '../../src/commands/progress-bar.ts'

test('a terminal sees one line that is drawn over, at most ten times a second, and the last state stays', () => {
  const { bar, written, at } = shown({ terminal: true })
  at(0)
  bar.show(0, 'begun')
  at(50)
  bar.show(0.25, 'too soon to draw')
  at(100)
  bar.show(0.5, 'half of it')
  at(110)
  bar.show(1, 'all of it')
  bar.end()
  bar.end()
  expect(written).toEqual([
    `\r\u001b[K${'░'.repeat(30)}   0 %  begun`,
    `\r\u001b[K${'█'.repeat(15)}${'░'.repeat(15)}  50 %  half of it`,
    `\r\u001b[K${'█'.repeat(30)} 100 %  all of it`,
    '\n',
  ])
})

test('anywhere else there is a line every five seconds, and none for what takes less', () => {
  const { bar, written, at } = shown({ terminal: false })
  for (const timeMs of [0, 4_999, 5_000, 7_000, 10_000, 11_000]) {
    at(timeMs)
    bar.show(timeMs / 11_000, `at ${timeMs}`)
  }
  bar.end()
  expect(written).toEqual([' 45 %  at 5000\n', ' 90 %  at 10000\n'])
})

test('nothing shown is nothing written', () => {
  const { bar, written } = shown({ terminal: true })
  bar.end()
  expect(written).toEqual([])
})

function shown({ terminal }: { terminal: boolean }) {
  const written: string[] = []
  let timeMs = 0
  const bar = progressBar({ terminal, write: (text) => written.push(text), monotonicMs: () => timeMs })
  return {
    bar,
    written,
    at: (nowMs: number) => {
      timeMs = nowMs
    },
  }
}
