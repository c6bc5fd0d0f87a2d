import type { Database as Connection, Statement } from 'better-sqlite3'
import { textChecksum } from './checksum.ts'
import { utf8 } from './utf8.ts'

/** Texts kept in memory; beyond it the cache begins anew. Keys are products and runs are process starts: far fewer. */
const CACHE_TEXTS_MAX = 100_000

/** Texts that stand in many records, each stored once under an id. */
export class Dictionary {
  readonly #selectId: Statement<[string], number>
  readonly #selectText: Statement<[number], { text: string; crc: number }>
  readonly #lastId: Statement<[], number>
  readonly #insert: Statement<[number, string, number]>
  readonly #ids = new Map<string, number>()
  readonly #texts = new Map<number, string>()

  constructor(db: Connection, table: 'keys' | 'runs') {
    this.#selectId = db.prepare<[string], number>(`SELECT id FROM ${table} WHERE text = ?`).pluck()
    this.#selectText = db.prepare(`SELECT text, crc FROM ${table} WHERE id = ?`)
    this.#lastId = db.prepare<[], number>(`SELECT ifnull(max(id), 0) FROM ${table}`).pluck()
    this.#insert = db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?)`)
  }

  /** The id of `text`, which is added if it is new. Only within a transaction. */
  idOf(text: string): number {
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    // As the disk will give it back, should it hold half a surrogate pair.
    const stored = utf8(text).toString()
    const id = this.#selectId.get(stored) ?? this.#add(stored)
    if (this.#ids.size >= CACHE_TEXTS_MAX) this.#ids.clear()
    this.#ids.set(text, id)
    return id
  }

  /** Always the same string object for the same id; undefined where the entry is missing or damaged. */
  textOf(id: number): string | undefined {
    const known = this.#texts.get(id)
    if (known !== undefined) return known
    const row = this.#selectText.get(id)
    if (row === undefined || row.crc !== textChecksum(id, row.text)) return undefined
    if (this.#texts.size >= CACHE_TEXTS_MAX) this.#texts.clear()
    this.#texts.set(id, row.text)
    return row.text
  }

  /** After a rollback: ids that were given in it are nobody's again. */
  forgetIds(): void {
    this.#ids.clear()
  }

  #add(text: string): number {
    const id = this.#lastId.get()! + 1
    this.#insert.run(id, text, textChecksum(id, text))
    return id
  }
}
