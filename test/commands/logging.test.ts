import { describe, expect, test } from 'vitest'
import { humanLine } from '../../src/commands/logging.ts'

const AT = '"time":"2026-11-20T14:35:00.123Z"'

test('a log line reads as time, level, part, text and fields', () => {
  const line = `{"level":30,${AT},"part":"process","records":7200,"why":"two words","msg":"caught up"}`
  expect(humanLine(line, false)).toBe('14:35:00 info  process       caught up  records=7200  why="two words"')
})

test('what went wrong is red on a terminal with colours, and only there', () => {
  const line = `{"level":50,${AT},"part":"ingest","msg":"gave up"}`
  expect(humanLine(line, true)).toBe('\u001b[31m14:35:00 ERROR ingest        gave up\u001b[0m')
  expect(humanLine(line, false)).toBe('14:35:00 ERROR ingest        gave up')
})

test('an error brings its stack', () => {
  const line = `{"level":60,${AT},"part":"ingest","err":{"message":"no","stack":"Error: no\\n at x"},"msg":"uncaught error"}`
  expect(humanLine(line, false)).toBe('14:35:00 FATAL ingest        uncaught error\n    Error: no\n     at x')
})

test('a text of several lines stands below', () => {
  const line = `{"level":40,${AT},"part":"process","alert":"digest-10","text":"one\\ntwo\\n","msg":"1 digest"}`
  expect(humanLine(line, false)).toBe(
    '14:35:00 WARN  process       1 digest  alert=digest-10\n    one\n    two',
  )
})

describe('what others put into a log', () => {
  const said = (fields: object) =>
    humanLine(JSON.stringify({ level: 30, time: T, part: 'ingest', ...fields }), false)
  const T = '2026-11-20T14:35:00.123Z'

  test.each([
    ['paints nothing', { msg: 'venue said \u001b[31mred\u001b[0m' }, 'venue said  [31mred [0m'],
    ['moves no cursor', { msg: 'a', path: '\u001b[2J\u0008x' }, 'a  path="[2J x"'],
    ['begins no line of its own', { msg: 'a\n14:35:00 FATAL ingest  b' }, 'a 14:35:00 FATAL ingest  b'],
    ['turns no text around', { msg: 'a\u202eb' }, 'a b'],
    ['hides in no field name', { msg: 'a', 'k\u001b[1m': 1 }, 'a  k [1m=1'],
    ['stays below, where it has several lines', { msg: 'a', text: 'x\u001b[1m\ny' }, 'a\n    x [1m\n    y'],
  ])('%s', (_, fields, shown) => {
    expect(said(fields)).toBe(`14:35:00 info  ingest        ${shown}`)
  })
})

test('what is no log line of ours is shown as it is', () => {
  expect(humanLine('Segmentation fault\n', true)).toBe('Segmentation fault')
  expect(humanLine('{"level":30,"cut', true)).toBe('{"level":30,"cut')
})
