import { Levels } from '../../src/ingest/levels.ts'
import type { WireEvent } from '../../src/ingest/venue.ts'
import { byteMutators, type Mutator } from './fuzz-bytes.ts'
import { Chance } from './fuzz-chance.ts'
import type { Reader } from './fuzz-corpus.ts'
import { heavyMutators, jsonMutators } from './fuzz-json.ts'
import { broken } from './fuzz-promises.ts'
import { comparable, RECEIVED_AT_MS } from './wire-fixtures.ts'

export type Spoiled = {
  readonly reader: Reader
  readonly bytes: Uint8Array
  /** What was done to a good one, in order. */
  readonly by: readonly string[]
}

/** One that was read, and how long that took. */
export type Read = Spoiled & { readonly number: number; readonly ms: number }

/** One in so many is of a hundred kilobytes and more. */
const HEAVY_EVERY = 2_000
/** One in so many is a body, not a frame: those are few on the wire as well. */
const BODY_EVERY = 10
/** After so many a good one is read again. */
const GOOD_EVERY = 10
const MUTATIONS_MAX = 3
/** What takes longer is read once more: it may have been a pause of the machine's. */
const PAUSE_MS = 5
const FAULTS_SHOWN = 10
const BYTES_SHOWN = 400

const light = [
  ...Object.entries(byteMutators),
  // What is still JSON gets further.
  ...Object.entries(jsonMutators),
  ...Object.entries(jsonMutators),
]
const heavy = Object.entries(heavyMutators)

/**
 * Reads `count` spoiled frames and bodies, and tells `onRead` of each. Answers with what was broken, such as
 * `12345 okx public frame by a bit flipped: threw TypeError ... <- {"arg":`; the number makes the same one again.
 */
export function fuzz(
  readers: readonly Reader[],
  count: number,
  onRead: (read: Read) => void = () => {},
): string[] {
  const faults: string[] = []
  const levels = new Levels()
  const good = goodAnswers(readers)
  const prototypes = prototypesNow()
  for (let number = 0; number < count && faults.length < FAULTS_SHOWN; number++) {
    const spoiled = spoiledOf(readers, number)
    const { ms, found } = readOne(spoiled, levels)
    onRead({ ...spoiled, number, ms })
    faults.push(
      ...found.map((fault) => `${number} ${described(spoiled)}: ${fault} <- ${shown(spoiled.bytes)}`),
    )
    if (number % GOOD_EVERY === 0)
      faults.push(...brokenAfter(spoiled, good[number % good.length]!, levels, number))
  }
  return [...faults, ...(prototypesNow() === prototypes ? [] : ['a prototype of everybody was changed'])]
}

/** The same one for the same number. */
function spoiledOf(readers: readonly Reader[], number: number): Spoiled {
  const chance = new Chance(number)
  const isBody = chance.below(BODY_EVERY) === 0
  const reader = chance.of(readers.filter(({ reads }) => (reads === 'frame') !== isBody))
  const isHeavy = chance.below(HEAVY_EVERY) === 0
  const isLarge = isHeavy && reader.large.length > 0 && chance.below(2) === 0
  let bytes = isLarge ? chance.of(reader.large) : sampleOf(reader, chance)
  const mutators: [string, Mutator][] = Array.from({ length: chance.below(MUTATIONS_MAX + 1) }, () =>
    chance.of(light),
  )
  if (isHeavy && !isLarge) mutators.push(chance.of(heavy))
  for (const [, mutate] of mutators) bytes = mutate(bytes, chance, sampleOf(chance.of(readers), chance))
  return { reader, bytes, by: mutators.map(([name]) => name) }
}

function sampleOf({ groups }: Reader, chance: Chance): Uint8Array {
  return chance.of(chance.of(groups))
}

function readOne(
  { reader, bytes }: Spoiled,
  levels: Levels,
): { readonly ms: number; readonly found: string[] } {
  try {
    const { ms, answer } = timed(reader, bytes, levels)
    const found = broken(reader, answer, levels)
    return { ms: ms < PAUSE_MS ? ms : Math.min(ms, timed(reader, bytes, levels).ms), found }
  } catch (error) {
    const said =
      error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ') : error
    return { ms: 0, found: [`threw ${String(said)}`] }
  }
}

function timed(
  { read }: Reader,
  bytes: Uint8Array,
  levels: Levels,
): { readonly ms: number; readonly answer: unknown } {
  levels.reset()
  const beganMs = performance.now()
  const answer = read(bytes, { receivedAtMs: RECEIVED_AT_MS, levels })
  return { ms: performance.now() - beganMs, answer }
}

/** A good one, and what is said of it by a reader that has read nothing else. */
type Good = { readonly reader: Reader; readonly bytes: Uint8Array; readonly answer: string }

function goodAnswers(readers: readonly Reader[]): Good[] {
  return readers.flatMap((reader) =>
    reader.groups.flat().map((bytes) => ({ reader, bytes, answer: answerOf(reader, bytes, new Levels()) })),
  )
}

function answerOf(reader: Reader, bytes: Uint8Array, levels: Levels): string {
  levels.reset()
  const answer = reader.read(bytes, { receivedAtMs: RECEIVED_AT_MS, levels })
  return JSON.stringify(comparable((Array.isArray(answer) ? answer : [answer]) as WireEvent[], levels))
}

function brokenAfter(
  spoiled: Spoiled,
  { reader, bytes, answer }: Good,
  levels: Levels,
  number: number,
): string[] {
  const now = answerOf(reader, bytes, levels)
  if (now === answer) return []
  return [
    `${reader.name} after ${number} ${described(spoiled)}: ${now} instead of ${answer} <- ${shown(bytes)}`,
  ]
}

function prototypesNow(): string {
  const everybody = [Object.prototype, Array.prototype, String.prototype, Uint8Array.prototype]
  return everybody.flatMap((prototype) => Reflect.ownKeys(prototype).map(String)).join()
}

function described({ reader, by }: Spoiled): string {
  return `${reader.name} by ${by.join(', ') || 'nothing'}`
}

function shown(bytes: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(bytes.subarray(0, BYTES_SHOWN)).toString('latin1'))
  return bytes.length > BYTES_SHOWN ? `${text}... (${bytes.length} bytes)` : text
}
