/** Texts of up to a third of this are encoded into one buffer, which stays in the processor's cache. */
const SCRATCH_BYTES = 16 * 1024
const scratch = Buffer.allocUnsafe(SCRATCH_BYTES)
/** `scratch` up to each length that was met: making such a view takes as long as filling it. */
const views: (Buffer | undefined)[] = new Array(SCRATCH_BYTES + 1)

/**
 * The UTF-8 of a text, good until this is called again. Summing and binding these bytes rather than the text saves a tenth of
 * a record's way to the disk. Half a surrogate pair, which has no UTF-8, becomes U+FFFD.
 */
export function utf8(text: string): Buffer {
  if (text.length * 3 > SCRATCH_BYTES) return Buffer.from(text)
  const length = scratch.write(text)
  views[length] ??= scratch.subarray(0, length)
  return views[length]
}
