/**
 * One side of a made book: a window of neighbouring places, the best first, each with a size or empty. Places count
 * outwards, so that the best bid and the best ask are both the lowest of their side. Sizes lie in a ring: the window
 * moves without anything being moved.
 *
 * Between `begin` and `end` it notes what changes; `end` leaves one row for each place whose size is another than before.
 */
export class BookSide {
  /** The best place. Never empty between two steps. */
  first = 0
  readonly levels: number
  /** What changed in the last step, best first: place, size before, size now. */
  rows = 0
  readonly rowPlace: Float64Array
  readonly rowBefore: Float64Array
  readonly rowSize: Float64Array
  readonly #sizes: Float64Array
  /** Where the row of a place was noted, by its slot of the ring; valid only where that row names the place. */
  readonly #rowAt: Int32Array
  readonly #mask: number

  constructor(levels: number) {
    const slots = ringSlots(levels)
    const rowsMax = 2 * levels + CHANGES_WITHIN_MAX
    this.levels = levels
    this.#mask = slots - 1
    this.#sizes = new Float64Array(slots)
    this.#rowAt = new Int32Array(slots)
    this.rowPlace = new Float64Array(rowsMax)
    this.rowBefore = new Float64Array(rowsMax)
    this.rowSize = new Float64Array(rowsMax)
  }

  /** Size at a place; 0 outside the window. */
  size(place: number): number {
    return place >= this.first && place < this.first + this.levels ? this.#sizes[place & this.#mask]! : 0
  }

  put(place: number, size: number): void {
    this.#note(place)
    this.#sizes[place & this.#mask] = size
  }

  /** Forgets the book: a window somewhere, empty, with nothing noted. */
  reset(first: number): void {
    this.first = first
    this.#sizes.fill(0)
    this.rows = 0
  }

  /** Moves the window: what falls out of it is gone, what comes into it is `sizeOf` its place. */
  moveTo(first: number, sizeOf: (place: number) => number): void {
    const before = this.first
    const { levels } = this
    if (first === before) return
    const ahead = first > before
    const goneFrom = ahead ? before : Math.max(first + levels, before)
    const goneTo = ahead ? Math.min(first, before + levels) : before + levels
    for (let place = goneFrom; place < goneTo; place++) this.put(place, 0)
    this.first = first
    const newFrom = ahead ? Math.max(before + levels, first) : first
    const newTo = ahead ? first + levels : Math.min(before, first + levels)
    for (let place = newFrom; place < newTo; place++) this.put(place, sizeOf(place))
  }

  begin(): void {
    this.rows = 0
  }

  end(): void {
    let kept = 0
    for (let row = 0; row < this.rows; row++) {
      const place = this.rowPlace[row]!
      const before = this.rowBefore[row]!
      const size = this.size(place)
      if (size === before) continue
      let at = kept++
      for (; at > 0 && this.rowPlace[at - 1]! > place; at--) this.#copyRow(at - 1, at)
      this.rowPlace[at] = place
      this.rowBefore[at] = before
      this.rowSize[at] = size
    }
    this.rows = kept
  }

  /** Says of the best level what it is, as if that were news: for a step in which nothing changed. */
  restate(): void {
    const size = this.size(this.first)
    this.rowPlace[0] = this.first
    this.rowBefore[0] = size
    this.rowSize[0] = size
    this.rows = 1
  }

  #copyRow(from: number, to: number): void {
    this.rowPlace[to] = this.rowPlace[from]!
    this.rowBefore[to] = this.rowBefore[from]!
    this.rowSize[to] = this.rowSize[from]!
  }

  #note(place: number): void {
    const slot = place & this.#mask
    const row = this.#rowAt[slot]!
    if (row < this.rows && this.rowPlace[row] === place) return
    this.#rowAt[slot] = this.rows
    this.rowPlace[this.rows] = place
    this.rowBefore[this.rows++] = this.#sizes[slot]!
  }
}

/** Changes of one step beside those of the window's move: trades at the best, renewals, the best filled. */
const CHANGES_WITHIN_MAX = 16

/** Room for the window and as much again, as a power of two: what comes in never lies where something still stands. */
function ringSlots(levels: number): number {
  return 2 ** Math.ceil(Math.log2(2 * levels))
}
