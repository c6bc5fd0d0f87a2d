import { describe, expect, test } from 'vitest'
import { coinbase } from '../../../src/ingest/coinbase.ts'
import { rejectionDraft } from '../../../src/ingest/rejecting.ts'
import { originalBytes, Rejection } from '../../../src/models/rejection.ts'
import { INVALID_UTF8, LOST_IN_TEXT, SUITE_TEXTS, type SuiteFile, suiteFiles } from '../json-test-suite.ts'
import { body, book } from '../local-venue.ts'
import { startPoll } from '../poll-rig.ts'
import { about, expectAgreement } from './contract.ts'

/** A body as the API sends it; what stands between # may be replaced. */
const BOOK =
  '{"bids":[[#"64930.57"#,"0.07705309",1],["64930","1.5",2]],"asks":[["64934.09","0.02",3],#["64935","1",1]#],' +
  '"sequence":133905821961,#"auction_mode"#:false,"auction":null,"time":"2026-11-20T14:31:10.123456Z"}'

const noUtf8 = Object.entries(INVALID_UTF8).map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }))

test('the corpus is the whole JSONTestSuite, its bytes as they are', () => {
  expect(['y', 'n', 'i'].map((kind) => suiteFiles(kind as 'y').length)).toEqual([95, 188, 35])
  for (const [name, bytes] of Object.entries(LOST_IN_TEXT)) {
    expect([name, Buffer.from(bytes, 'latin1').toString('utf8')]).toEqual([name, SUITE_TEXTS.get(name)])
  }
  const isLossy = ([, text]: [string, string]) => text.includes('\ufffd')
  expect([...SUITE_TEXTS].filter(isLossy).map(([name]) => name)).toEqual(Object.keys(LOST_IN_TEXT))
  expect(coinbase.parseBook(Buffer.from(BOOK.replaceAll('#', '')), about)).toHaveProperty('book')
})

describe('what is no JSON is rejected as such, every byte of it kept', () => {
  test.each(suiteFiles('n').map((file) => [file.name, file]))('%s', (_, file) => {
    for (const bytes of [file.bytes, ...spliced(file)]) {
      expect(rejectionOf(bytes)).toMatchObject({ kind: 'malformed-json', path: '' })
      expectAgreement(bytes)
    }
  })

  test.each(noUtf8.map((file) => [file.name, file]))('%s', (_, { name, bytes }) => {
    const quoted = Buffer.concat([Buffer.from('"'), bytes, Buffer.from('"')])
    for (const body of [bytes, quoted, ...spliced({ name, bytes }), ...spliced({ name, bytes: quoted })]) {
      expect(rejectionOf(body)).toMatchObject({ kind: 'malformed-json', path: '' })
      expectAgreement(body)
    }
  })
})

test('what is JSON but no book is of the wrong shape, every byte of it kept, and so it is as a price or a level', () => {
  for (const file of suiteFiles('y')) {
    const [price, level] = spliced(file)
    for (const bytes of [file.bytes, price, level]) {
      expect([file.name, rejectionOf(bytes)]).toMatchObject([file.name, { kind: 'wrong-shape' }])
      expectAgreement(bytes)
    }
  }
})

test('what is JSON may stand under a key of its own, and a string may be that key', () => {
  for (const { name, bytes } of suiteFiles('y')) {
    const inBook = splice(BOOK.replace('#"auction_mode"#:false', '"x":##'), 2, bytes)
    expect([name, coinbase.parseBook(inBook, about)]).toEqual([name, { book: expect.anything() }])
    expectAgreement(inBook)
    expectAgreement(spliced({ name, bytes })[2])
  }
})

test('where the standard leaves it open, the fast way and the contract say the same', () => {
  for (const file of suiteFiles('i')) {
    for (const bytes of [file.bytes, ...spliced(file)]) expectAgreement(bytes)
    expect(rejectionOf(file.bytes)).toHaveProperty('kind')
  }
})

test('all of it, sent by a server between good books, is one rejection each, and every good book is published', async () => {
  const bad = [...suiteFiles('n'), ...suiteFiles('y'), ...suiteFiles('i'), ...noUtf8].map(
    ({ bytes }) => bytes,
  )
  const rig = await startPoll({
    pollMs: 1,
    rate: { perSecond: 100_000, burst: 1 },
    reply: (_, call) => (call % 2 === 0 && call / 2 <= bad.length ? body(bad[call / 2 - 1]!) : book(call)),
  })
  try {
    await rig.until(() => rig.of('book').length > bad.length)
    const { ledger } = await rig.stop()
    expect(ledger).toMatchObject({ rejected: bad.length, unchanged: 0, older: 0 })
    const kept = rig.of('rejection').map(({ original }) => originalBytes(original))
    expect(kept.map((bytes, i) => bad[i]!.equals(bytes))).toEqual(bad.map(() => true))
    const sequences = rig.of('book').map(({ sequence }) => sequence)
    expect(sequences.slice(0, bad.length + 1)).toEqual(
      Array.from({ length: bad.length + 1 }, (_, i) => 2 * i + 1),
    )
  } finally {
    await rig.close()
  }
})

/** The book with the file in place of a price, of a level and of a key. */
function spliced({ bytes }: SuiteFile): [price: Buffer, level: Buffer, key: Buffer] {
  return [splice(BOOK, 0, bytes), splice(BOOK, 1, bytes), splice(BOOK, 2, bytes)]
}

/** `text` with `bytes` in its `place`: the first is 0. */
function splice(text: string, place: number, bytes: Buffer): Buffer {
  const parts = text.split('#')
  const [head, tail] = [parts.slice(0, 2 * place + 1), parts.slice(2 * place + 2)]
  return Buffer.concat([Buffer.from(head.join('')), bytes, Buffer.from(tail.join(''))])
}

/** The record that comes of a body which cannot be used, as it is read again from its topic. */
function rejectionOf(bytes: Uint8Array): Rejection {
  const read = coinbase.parseBook(bytes, about)
  if (!('refusal' in read)) throw new Error('the body was accepted')
  const { source, product, receivedAtMs } = about
  const input = { venue: coinbase.id, source, product, receivedAtMs, bytes, whole: true }
  const { value } = rejectionDraft(read.refusal, input)
  const rejection = Rejection.parse(JSON.parse((value as (id: string) => string)('run-1-1')))
  expect(Buffer.from(bytes).equals(originalBytes(rejection.original))).toBe(true)
  return rejection
}
