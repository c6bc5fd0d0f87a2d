/**
 * Chance without memory. A draw is a pure function of a key and a number, so any moment of a made market can be made
 * again, alone, in any process: nothing has to be remembered but what was published. Integer arithmetic only, so that
 * every machine draws the same. Not for secrets.
 */

/** 32 well-mixed bits of a text (FNV-1a, then scrambled). */
export function keyOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return scramble(hash)
}

/** A key of its own for each whole number from 0 up to 2^53. */
export function subKey(key: number, number: number): number {
  const high = Math.floor(number / 0x1_0000_0000)
  return scramble((scramble(key ^ (number | 0)) + Math.imul(high + 1, 0x9e3779b1)) | 0)
}

/** The draw of that number: 0 to 2^32 - 1, all equally likely. */
export function draw(key: number, number: number): number {
  return scramble((key + Math.imul(number + 1, 0x9e3779b1)) | 0) >>> 0
}

/** The draw of that number as a share: 0 up to, never reaching, 1. */
export function share(key: number, number: number): number {
  return draw(key, number) / 0x1_0000_0000
}

/**
 * A bell curve: mean 0, standard deviation 1, never beyond 3.47. Four uniform draws added up (Irwin-Hall), which needs
 * no logarithm whose last digit might differ between machines.
 */
export function bell(key: number, number: number): number {
  const first = draw(key, 2 * number)
  const second = draw(key, 2 * number + 1)
  const sum = (first & 0xffff) + (first >>> 16) + (second & 0xffff) + (second >>> 16)
  return (sum / 0x1_0000 - 2) * SQRT_3
}

const SQRT_3 = 1.7320508075688772

/** The finalizer of MurmurHash3: every bit of the input changes each bit of the output half of the time. */
function scramble(bits: number): number {
  let hash = bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
