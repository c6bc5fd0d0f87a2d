import { describe, expect, test } from 'vitest'
import {
  ascii,
  type JsonScan,
  scanExactly,
  scanObject,
  scanText,
  scanWhole,
  shapeOf,
  skipText,
} from '../../../src/ingest/reading/json-scan.ts'

type PointScan = JsonScan & { x: number; name: string }

const POINT = shapeOf<PointScan>({
  x(scan) {
    scan.x = scanWhole(scan) ?? -1
    return scan.x !== -1
  },
  'name?'(scan) {
    scan.name = scanText(scan) ?? ''
    return scan.name !== ''
  },
})

describe('an object of x and perhaps a name', () => {
  test.each([
    ['{"x":7,"name":"A"}', { x: 7, name: 'A' }],
    ['{"name":"A","x":7}', { x: 7, name: 'A' }],
    ['{"x":0}', { x: 0, name: '' }],
    ['{"x":9007199254740991}', { x: Number.MAX_SAFE_INTEGER, name: '' }],
  ])('is %s', (text, point) => {
    const scan = scanOf(text)
    expect(scanObject(scan, POINT)).toBe(true)
    expect(scan).toMatchObject({ ...point, at: text.length })
  })

  test.each([
    '{}',
    '{"name":"A"}',
    '{"x":7,"x":7}',
    '{"x":7,"y":1}',
    '{"x":7,}',
    '{"x":7',
    '{"x": 7}',
    '{"x":07}',
    '{"x":-7}',
    '{"x":7.5}',
    '{"x":7e1}',
    '{"x":9007199254740993}',
    '{"x":12345678901234567}',
    '{"x":"7"}',
    '{"x":7,"name":""}',
    '{"x":7,"name":"A\\n"}',
    '{"x":7,"name":"é"}',
    `{"x":7,"name":"${'A'.repeat(65)}"}`,
    '[]',
    '',
  ])('is not known to be %s', (text) => {
    expect(scanObject(scanOf(text), POINT)).toBe(false)
  })
})

test('what does not stand there is not passed over', () => {
  const scan = scanOf('"update"')
  expect([scanExactly(scan, ascii('"upgrade"')), scan.at]).toEqual([false, 0])
  expect([scanExactly(scan, ascii('"update"')), scan.at]).toEqual([true, 8])
  expect([skipText(scan), scanText(scan), scanWhole(scan), scan.at]).toEqual([false, undefined, undefined, 8])
})

function scanOf(text: string): PointScan {
  return { bytes: Buffer.from(text), at: 0, x: -1, name: '' }
}
