import type { Database as Connection } from 'better-sqlite3'
import { textChecksum } from './checksum.ts'
import { utf8 } from './utf8.ts'

/** Texts kept in memory; beyond it the cache begins anew. Keys are products and runs are process starts: far fewer. */
const CACHE_TEXTS_MAX = 100_000

/** Texts that stand in many records, each stored once under an id. */
export type Dictionary = {
  /** The id of `text`, which is added if it is new. Only within a transaction. */
  idOf(text: string): number
  /** Always the same string object for the same id; undefined where the entry is missing or damaged. */
  textOf(id: number): string | undefined
  /** After a rollback: ids that were given in it are nobody's again. */
  forgetIds(): void
}

export function openDictionary(db: Connection, table: 'keys' | 'runs'): Dictionary {
  const selectId = db.prepare<[string], number>(`SELECT id FROM ${table} WHERE text = ?`).pluck()
  const selectText = db.prepare<[number], { text: string; crc: number }>(
    `SELECT text, crc FROM ${table} WHERE id = ?`,
  )
  const lastId = db.prepare<[], number>(`SELECT ifnull(max(id), 0) FROM ${table}`).pluck()
  const insert = db.prepare<[number, string, number]>(`INSERT INTO ${table} VALUES (?, ?, ?)`)
  const ids = new Map<string, number>()
  const texts = new Map<number, string>()

  function add(text: string): number {
    const id = lastId.get()! + 1
    insert.run(id, text, textChecksum(id, text))
    return id
  }

  return {
    idOf(text) {
      const known = ids.get(text)
      if (known !== undefined) return known
      // As the disk will give it back, should it hold half a surrogate pair.
      const stored = utf8(text).toString()
      const id = selectId.get(stored) ?? add(stored)
      if (ids.size >= CACHE_TEXTS_MAX) ids.clear()
      ids.set(text, id)
      return id
    },
    textOf(id) {
      const known = texts.get(id)
      if (known !== undefined) return known
      const row = selectText.get(id)
      if (row === undefined || row.crc !== textChecksum(id, row.text)) return undefined
      if (texts.size >= CACHE_TEXTS_MAX) texts.clear()
      texts.set(id, row.text)
      return row.text
    },
    forgetIds: () => ids.clear(),
  }
}
