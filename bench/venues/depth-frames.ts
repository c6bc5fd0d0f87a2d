import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** A product's book at Binance and the frames that follow it, as they came from the socket. */
export type DepthFrames = {
  readonly name: 'recorded' | 'made'
  readonly symbol: string
  readonly snapshot: DepthSnapshot
  readonly frames: readonly Buffer[]
  /** Level changes in all frames. */
  readonly changes: number
}

export type DepthSnapshot = {
  readonly lastUpdateId: number
  readonly bids: readonly Pair[]
  readonly asks: readonly Pair[]
}

type Pair = readonly [price: string, size: string]

type DepthUpdate = { readonly u: number; readonly b: readonly Pair[]; readonly a: readonly Pair[] }

/** A minute of BTCUSDT where there are recordings, else a minute of the same shape that never was. */
export function depthFrames(): DepthFrames {
  const directory = process.env['RECORDINGS_DIR']
  return directory === undefined ? madeFrames() : recordedFrames(directory)
}

const RECORDING = 'binance/spot_btcusdt_depth100ms_trade_bookTicker_2024-08-08_first60s.hftbacktest.gz'

function recordedFrames(directory: string): DepthFrames {
  const lines = gunzipSync(readFileSync(`${directory}/${RECORDING}`))
    .toString()
    .trim()
    .split('\n')
  const texts = lines.map((line) => line.slice(line.indexOf(' ') + 1))
  const snapshot = JSON.parse(texts.find((text) => text.startsWith('{"lastUpdateId"'))!) as DepthSnapshot
  const frames = texts
    .filter((text) => text.includes('@depth') && updateOf(text).u > snapshot.lastUpdateId)
    .map((text) => Buffer.from(text))
  return { name: 'recorded', symbol: 'BTCUSDT', snapshot, frames, changes: countChanges(frames) }
}

const EVENTS = 600
const SNAPSHOT_LEVELS = 1_000
const STEP_MAX = 20_000
const REMOVED_A_SIDE = 8
const MIDDLE_CENTS = 6_000_000
const START_MS = Date.UTC(2026, 0, 1)

/**
 * In a second ten events of some 36 changes, most of them near the top and the best first on each side. Half of them remove a
 * level, and as many new ones come. Sizes have five places, and all numbers are padded to eight.
 */
function madeFrames(): DepthFrames {
  const random = seeded(11)
  const bids = new MadeSide(-1, random)
  const asks = new MadeSide(1, random)
  const snapshot: DepthSnapshot = { lastUpdateId: 1_000, bids: bids.all(), asks: asks.all() }
  const frames = Array.from({ length: EVENTS }, (_, i) => {
    const ids = { U: 1_001 + i * 50, u: 1_050 + i * 50 }
    const changes = { b: bids.changes(), a: asks.changes() }
    const data = { e: 'depthUpdate', E: START_MS + i * 100, s: 'MADEUSDT', ...ids, ...changes }
    return Buffer.from(JSON.stringify({ stream: 'madeusdt@depth@100ms', data }))
  })
  return { name: 'made', symbol: 'MADEUSDT', snapshot, frames, changes: countChanges(frames) }
}

/** Levels by their distance from the middle in cents. */
class MadeSide {
  readonly #sign: 1 | -1
  readonly #random: () => number
  #steps = Array.from({ length: SNAPSHOT_LEVELS }, (_, i) => 1 + i * 20)

  constructor(sign: 1 | -1, random: () => number) {
    this.#sign = sign
    this.#random = random
  }

  all(): Pair[] {
    return this.#steps.map((step) => [this.#price(step), this.#size()])
  }

  changes(): Pair[] {
    const removed = new Set(this.#some())
    const others = this.#some().filter((_, i) => i % 3 === 0)
    const come = Array.from(removed, () => 1 + Math.floor(this.#random() ** 4 * STEP_MAX))
    const set = new Set([...others, ...come].filter((step) => !removed.has(step)))
    this.#steps = [...new Set([...this.#steps, ...set])].filter((step) => !removed.has(step)).sort(rising)
    const steps = [...removed, ...set].sort(rising)
    return steps.map((step) => [this.#price(step), removed.has(step) ? '0.00000000' : this.#size()])
  }

  #some(): number[] {
    const at = () => Math.floor(this.#random() ** 3 * this.#steps.length)
    return Array.from({ length: REMOVED_A_SIDE }, () => this.#steps[at()]!)
  }

  #price(step: number): string {
    return `${((MIDDLE_CENTS + this.#sign * step) / 100).toFixed(2)}000000`
  }

  #size(): string {
    return `${(this.#random() ** 3 * 4 + 0.00001).toFixed(5)}000`
  }
}

function rising(a: number, b: number): number {
  return a - b
}

function countChanges(frames: readonly Buffer[]): number {
  return frames
    .map((frame) => updateOf(frame.toString()))
    .reduce((sum, { a, b }) => sum + a.length + b.length, 0)
}

function updateOf(text: string): DepthUpdate {
  return (JSON.parse(text) as { data: DepthUpdate }).data
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
