import { setImmediate } from 'node:timers/promises'
import type { Timers } from './timers.ts'

/**
 * A made clock: it stands still until it is told to go on, and then calls what is due, in the order of the times it is due
 * at, and of asking where those are the same. After every call it waits until nothing else is to be done at that moment,
 * so that whatever awaits runs on it as on a real clock; the same story always runs the same way.
 */
export type VirtualTimers = Timers & {
  /** Goes on to a time, as `nowMs` would show it had it never jumped. A time that has passed changes nothing. */
  advanceTo(timeMs: number): Promise<void>
  advanceBy(ms: number): Promise<void>
  /** Goes on to what is due next and calls that alone. False where nothing is. */
  step(): Promise<boolean>
  /** `nowMs` jumps by so much, forth or back. No wait gets longer or shorter by it. */
  jump(byMs: number): void
  /** How many calls are due some time. */
  readonly waiting: number
}

type Due = { readonly atMs: number; readonly order: number; readonly call: () => void; isCancelled: boolean }

/** `settle` resolves when nothing is left to be done at this moment but I/O; by itself it does not wait for that. */
export function virtualTimers(
  startMs: number,
  settle: () => Promise<unknown> = () => setImmediate(),
): VirtualTimers {
  const due = new DueHeap()
  let elapsedMs = 0
  let jumpedMs = 0
  let order = 0
  let waiting = 0

  async function callNext(): Promise<void> {
    const { atMs, call } = due.takeFirst()!
    waiting--
    elapsedMs = Math.max(elapsedMs, atMs)
    call()
    await settle()
  }

  async function advanceTo(timeMs: number): Promise<void> {
    const untilMs = timeMs - startMs
    await settle()
    while ((due.first?.atMs ?? Number.POSITIVE_INFINITY) <= untilMs) await callNext()
    elapsedMs = Math.max(elapsedMs, untilMs)
  }

  return {
    nowMs: () => startMs + elapsedMs + jumpedMs,
    monotonicMs: () => elapsedMs,
    after(ms, call) {
      const one: Due = { atMs: elapsedMs + Math.max(0, ms), order: order++, call, isCancelled: false }
      due.add(one)
      waiting++
      return () => {
        if (due.cancel(one)) waiting--
      }
    },
    advanceTo,
    advanceBy: (ms) => advanceTo(startMs + elapsedMs + ms),
    async step() {
      await settle()
      if (due.first === undefined) return false
      await callNext()
      return true
    },
    jump(byMs) {
      jumpedMs += byMs
    },
    get waiting() {
      return waiting
    },
  }
}

/** A binary heap. What is cancelled stays in it until its turn comes, or until it makes up half of it. */
class DueHeap {
  #items: Due[] = []
  #cancelled = 0

  get first(): Due | undefined {
    while (this.#items[0]?.isCancelled === true) {
      this.#cancelled--
      this.#removeTop()
    }
    return this.#items[0]
  }

  add(item: Due): void {
    this.#items.push(item)
    this.#up(this.#items.length - 1)
  }

  takeFirst(): Due | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.#removeTop()
    first.isCancelled = true
    return first
  }

  /** False where it has been called or cancelled. */
  cancel(item: Due): boolean {
    if (item.isCancelled) return false
    item.isCancelled = true
    this.#cancelled++
    if (this.#cancelled > this.#items.length / 2) this.#sweep()
    return true
  }

  /** A sorted array is a heap. */
  #sweep(): void {
    this.#items = this.#items.filter((item) => !item.isCancelled).sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  #removeTop(): void {
    const last = this.#items.pop()!
    if (this.#items.length === 0) return
    this.#items[0] = last
    this.#down(0)
  }

  #up(at: number): void {
    const parent = (at - 1) >> 1
    if (at === 0 || isBefore(this.#items[parent]!, this.#items[at]!)) return
    this.#swap(at, parent)
    this.#up(parent)
  }

  #down(at: number): void {
    const items = this.#items
    let least = at
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < items.length && isBefore(items[child]!, items[least]!)) least = child
    }
    if (least === at) return
    this.#swap(at, least)
    this.#down(least)
  }

  #swap(a: number, b: number): void {
    const items = this.#items
    ;[items[a], items[b]] = [items[b]!, items[a]!]
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
