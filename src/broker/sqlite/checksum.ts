import { crc32 } from 'node:zlib'

/** What a record's checksum covers: all of its row but the checksum itself. Ids are 1 or more, null where there is none. */
export type ChecksummedRow = {
  readonly offset: number
  readonly timeMs: number
  readonly keyId: number | null
  readonly runId: number | null
  readonly n: number
  readonly bytes: number
  readonly headers: Buffer | null
  readonly value: Buffer
}

/**
 * CRC-32 of the value, begun at a state into which the row's numbers and headers were mixed: one native call covers all of
 * it. Every step is invertible, so a change within any one field (for text: within 32 bits) always gives another sum.
 * CRC-32 rather than CRC-32C because Node's zlib has it natively; `docs/decisions/001-crc-32.md` has the figures.
 */
export function rowChecksum(row: ChecksummedRow): number {
  let state = mix(0, row.offset)
  state = mix(state, row.timeMs)
  state = mix(state, row.keyId ?? 0)
  state = mix(state, row.runId ?? 0)
  state = mix(state, row.n)
  state = mix(state, row.bytes)
  if (row.headers !== null) state = crc32(row.headers, mix(state, row.headers.length))
  return crc32(row.value, state)
}

/** For the dictionaries: a text and the id it stands under. */
export function textChecksum(id: number, text: string): number {
  return crc32(text, mix(0, id))
}

/** Invertible in `state` and in each half of `number` (a safe integer), so that no single change can cancel out. */
function mix(state: number, number: number): number {
  const low = Math.imul(((state << 5) | (state >>> 27)) ^ number, 0x9e3779b1)
  return Math.imul(((low << 5) | (low >>> 27)) ^ Math.floor(number / 0x1_0000_0000), 0x85ebca6b) >>> 0
}
