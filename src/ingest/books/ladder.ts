/**
 * Levels in doubles, by rising key, the best last: so that what changes most is moved least, and a thousand books of a
 * thousand levels are no more than their numbers.
 *
 * A level that is removed keeps its place with size 0 until a neighbour needs it, or there are too many of those. The last
 * place always is a level's.
 */
export class Ladder {
  keys: Float64Array = NO_NUMBERS
  /** By place; 0 for a level that was removed. */
  sizes: Float64Array = NO_NUMBERS
  /** Places in use, the removed levels' included. */
  length = 0
  levels = 0
  /** Where the next search begins: changes of one frame nearly always come in the order of their prices. */
  finger = 0

  /** Sets the size of the level with this key; 0 removes it. Answers by how many levels there are more. */
  set(key: number, size: number): -1 | 0 | 1 {
    const at = this.find(key)
    if (at === this.length || this.keys[at] !== key) return size === 0 ? 0 : this.#insert(at, key, size)
    const before = this.sizes[at]!
    this.sizes[at] = size
    if (size === 0) return before === 0 ? 0 : this.#removed(at)
    if (before !== 0) return 0
    this.levels++
    return 1
  }

  /** The first place whose key is not below this one. */
  find(key: number): number {
    const { keys, length } = this
    let low = 0
    let high = length
    let at = Math.min(this.finger, length)
    // Away from the finger in steps that double ...
    if (at < length && keys[at]! < key) {
      for (let step = 1; at < length && keys[at]! < key; step += step) {
        low = at + 1
        at += step
      }
      if (at < length) high = at
    } else {
      for (let step = 1; at >= 0 && (at === length || keys[at]! >= key); step += step) {
        high = at
        at -= step
      }
      if (at >= 0) low = at + 1
    }
    // ... and then without a branch: which half it is, nothing foretells.
    let places = high - low
    while (places > 0) {
      const half = (places + 1) >> 1
      low += half * +(keys[low + half - 1]! < key)
      places -= half
    }
    this.finger = low
    return low
  }

  #insert(at: number, key: number, size: number): 1 {
    const isBelowRemoved = at > 0 && this.sizes[at - 1] === 0
    this.put(isBelowRemoved ? at - 1 : this.#open(at, key), key, size)
    this.levels++
    return 1
  }

  /** Moves what stands from the place `at` on to make it free for this key; another place, where that took new room. */
  #open(at: number, key: number): number {
    const free = this.#freePlace(at)
    if (free === NONE) return this.#openFar(key)
    for (let i = free; i > at; i--) this.put(i, this.keys[i - 1]!, this.sizes[i - 1]!)
    if (free === this.length) this.length++
    return at
  }

  /** The next removed level's place, or the one behind the last, if it is near; else `NONE`. */
  #freePlace(at: number): number {
    const end = Math.min(this.length, at + PLACES_MOVED_MAX)
    for (let i = at; i < end; i++) if (this.sizes[i] === 0) return i
    return end === this.length && end < this.keys.length ? end : NONE
  }

  #openFar(key: number): number {
    if (this.length === this.keys.length) this.#makeRoom()
    const at = this.find(key)
    this.keys.copyWithin(at + 1, at, this.length)
    this.sizes.copyWithin(at + 1, at, this.length)
    this.length++
    return at
  }

  #makeRoom(): void {
    if (this.length - this.levels > this.levels >> ROOM_SHIFT) this.sweep()
    else this.#resize(roomFor(this.length), 0)
  }

  #removed(at: number): -1 {
    this.levels--
    if (at === this.length - 1) {
      while (this.length > 0 && this.sizes[this.length - 1] === 0) this.length--
    } else if (this.length - this.levels > (this.levels >> REMOVED_SHIFT) + REMOVED_MIN) {
      this.sweep()
    }
    return -1
  }

  /** Closes up the places of removed levels: then every place in use is a level's. */
  sweep(): void {
    let to = 0
    for (let i = 0; i < this.length; i++) {
      if (this.sizes[i] !== 0) this.put(to++, this.keys[i]!, this.sizes[i]!)
    }
    this.length = to
  }

  put(at: number, key: number, size: number): void {
    this.keys[at] = key
    this.sizes[at] = size
  }

  /** Empty, with room for so many levels, and not for very many more. */
  reset(levels: number): void {
    this.length = 0
    this.levels = 0
    const places = this.keys.length
    if (places < levels || places > 2 * roomFor(levels)) this.#resize(roomFor(levels), 0)
  }

  /** Forgets all but the best levels. */
  keepBest(levels: number): void {
    this.sweep()
    this.#resize(roomFor(levels), this.length - levels)
    this.levels = levels
  }

  /** Takes what was put into the first `length` places for the levels. They need no order; of one key twice the first stays. */
  take(length: number): void {
    this.length = length
    if (!isRising(this.keys, length)) this.#sort()
    this.levels = this.length
  }

  #sort(): void {
    const keys = this.keys.slice(0, this.length)
    const sizes = this.sizes.slice(0, this.length)
    const order = Uint32Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b)
    this.length = 0
    for (const i of order) {
      const isAnother = this.length === 0 || this.keys[this.length - 1] !== keys[i]
      if (isAnother) this.put(this.length++, keys[i]!, sizes[i]!)
    }
  }

  /** New arrays of so many places, with what stands from `from` on. */
  #resize(places: number, from: number): void {
    this.keys = moved(this.keys.subarray(from, this.length), places)
    this.sizes = moved(this.sizes.subarray(from, this.length), places)
    this.length -= from
  }
}

const NO_NUMBERS = new Float64Array(0)
const NONE = -1
/** Beyond this, moving memory as a whole is faster than level by level. */
const PLACES_MOVED_MAX = 16
/** Removed levels stay while they are fewer than a quarter of the others, and then some for small sides. */
const REMOVED_SHIFT = 2
const REMOVED_MIN = 16
/** An eighth more places than levels: thousands of books must fit into memory. */
const ROOM_SHIFT = 3
const ROOM_MIN = 16

function roomFor(levels: number): number {
  return levels + (levels >> ROOM_SHIFT) + ROOM_MIN
}

function isRising(keys: Float64Array, length: number): boolean {
  for (let i = 1; i < length; i++) if (!(keys[i - 1]! < keys[i]!)) return false
  return true
}

function moved(from: Float64Array, places: number): Float64Array {
  const to = new Float64Array(places)
  to.set(from)
  return to
}
