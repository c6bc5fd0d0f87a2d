import fc from 'fast-check'
import { expect } from 'vitest'
import { Levels } from '../../../src/ingest/levels.ts'
import type { FrameAbout, WireEvent } from '../../../src/ingest/venue.ts'
import { parseIsoTime } from '../../../src/models/time.ts'
import { rowsOf } from './said.ts'

/** Frames' parts, right and odd; ways to spoil bytes; and what a reader says of them, comparable. */

export const receivedAtMs = parseIsoTime('2026-11-20T14:31:11Z')!

export type Reader = (frame: Uint8Array, about: FrameAbout) => readonly WireEvent[] | undefined

/** Everything a frame says by this reader, its levels written out, all else as it is; undefined where it does not say. */
export function read(reader: Reader, frame: string | Uint8Array): object[] | undefined {
  const levels = new Levels()
  levels.add('ask', '7', '7')
  const events = reader(typeof frame === 'string' ? Buffer.from(frame) : frame, { receivedAtMs, levels })
  if (events === undefined || events.every(({ type }) => type === 'rejected')) expect(levels.length).toBe(1)
  return events?.map((event) => {
    if (event.type !== 'snapshot' && event.type !== 'delta') return event
    const rows = rowsOf(levels, event.from, event.to)
    // Which side of a snapshot is read first is nobody's business.
    const bySide = (side: string) => rows.filter((row) => row.startsWith(side))
    return { ...event, levels: event.type === 'delta' ? rows : [bySide('bid'), bySide('ask')] }
  })
}

const digits = (most: number) =>
  fc.stringMatching(new RegExp(`^(?:0|[1-9][0-9]{0,${most - 1}})$`)).filter((text) => text.length <= most)
const places = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${most}}$`))
const number = (whole: number, fraction: number) =>
  fc.oneof(
    digits(whole),
    fc.tuple(digits(whole), places(fraction)).map((parts) => parts.join('.')),
  )
export const size = fc.oneof(number(9, 9), number(20, 18), fc.constant('0.00000000'))
export const price = fc.oneof(number(9, 9), number(20, 18)).filter((text) => /[1-9]/.test(text))
export const symbol = fc.constantFrom('BTC-USD', '00-USD', 'SHIB-USD', 'x')
export const time = fc
  .date({ min: new Date('2010-01-01'), max: new Date(receivedAtMs), noInvalidDate: true })
  .map((date) => date.toISOString().replace('Z', '123456Z'))

/** Some are numbers, most are none. */
export const oddNumber = fc.oneof(
  size,
  fc.constantFrom(
    '',
    '-1',
    '01',
    '1.',
    '.5',
    '1e3',
    '0.0',
    ' 1',
    '1 ',
    'NaN',
    '+1',
    '0x1',
    '1.2.3',
    '1'.repeat(30),
  ),
)
export const oddTime = fc.constantFrom(
  '0001-01-01T00:00:00.000000Z',
  '1970-01-01T00:00:00Z',
  '2026-11-20T14:31:10+00:00',
  '2026-11-20T14:32:11.001Z',
  '2026-02-30T00:00:00Z',
  'now',
  '',
)

export type Damage = {
  readonly how: 'cut' | 'flip' | 'double' | 'insert'
  readonly where: number
  readonly byte: number
}

export const damages: fc.Arbitrary<Damage> = fc.record({
  how: fc.constantFrom('cut', 'flip', 'double', 'insert'),
  where: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.oneof(fc.constantFrom(...Buffer.from('{}[]",:.0159-\\ ')), fc.integer({ min: 0, max: 255 })),
})

export function damaged(frame: Uint8Array, { how, where, byte }: Damage): Uint8Array {
  const at = Math.floor(where * frame.length)
  const [head, tail] = [frame.subarray(0, at), frame.subarray(at)]
  if (how === 'cut') return head
  if (how === 'double') return Buffer.concat([head, tail.subarray(0, 8), tail])
  return Buffer.concat([head, Buffer.from([byte]), how === 'flip' ? tail.subarray(1) : tail])
}
