import type { OutboxMessage } from '../../models/outbox-message.ts'
import type { Store } from '../../store/store.ts'
import type { Key, Table } from '../../store/table.ts'
import type { AnyProcessor, Failed } from '../processor.ts'
import { type CachedRow, storedRow } from './cached-row.ts'
import type { Decoded } from './decode.ts'

type KeyedSlot = {
  readonly processor: AnyProcessor
  readonly table: Table<unknown>
  readonly rows: Map<string, CachedRow>
  dirty: CachedRow[]
}

/** The rows that everything but books goes to, each under the key that its processor gives it. */
export class KeyedRows {
  readonly #store: Store
  readonly #partition: number
  #slots: KeyedSlot[] = []
  #wanted: (Map<string, Key> | undefined)[] = []
  #isWanting = false

  constructor(store: Store, partition: number) {
    this.#store = store
    this.#partition = partition
  }

  follow(processors: readonly AnyProcessor[]): void {
    const keyed = processors.filter(({ per }) => per.kind === 'key')
    this.#slots = keyed.map((processor) => ({
      processor,
      table: processor.table,
      rows: new Map(),
      dirty: [],
    }))
  }

  /**
   * The keys of a record's rows, one a slot; notes which rows are to be fetched. `ordinalOf` counts a record for a slot:
   * by its own count where it counts only some records. `failed` is told who threw.
   */
  want(
    { type, record }: Decoded,
    offset: number,
    ordinalOf: (processor: AnyProcessor, ownCount: boolean) => number,
    failed: Failed,
  ): (Key | undefined)[] {
    return this.#slots.map(({ processor, rows }, i) => {
      const { per } = processor
      if (processor.reads !== type || per.kind !== 'key') return undefined
      try {
        if (per.counts !== undefined && !per.counts(record as never)) return undefined
        const ordinal = ordinalOf(processor, per.counts !== undefined)
        const key = per.of(record as never, { ordinal, partition: this.#partition })
        if (key !== undefined && !rows.has(textOf(key))) this.#want(i, key)
        return key
      } catch (error) {
        failed(processor, offset, error)
        return undefined
      }
    })
  }

  #want(slot: number, key: Key): void {
    this.#wanted[slot] ??= new Map()
    this.#wanted[slot]!.set(textOf(key), key)
    this.#isWanting = true
  }

  get isWanting(): boolean {
    return this.#isWanting
  }

  async fetch(): Promise<void> {
    for (const [i, wants] of this.#wanted.entries()) {
      if (wants === undefined) continue
      const { table, rows } = this.#slots[i]!
      const list = [...wants]
      const found = await this.#store.fetch(
        table,
        list.map(([, key]) => key),
      )
      list.forEach(([name, key], at) => {
        rows.set(name, storedRow(key, found[at], this.#partition))
      })
    }
    this.#wanted = []
    this.#isWanting = false
  }

  /** Hands a record to every processor that has a key for it. `failed` is told who threw, `tell` what is to be said. */
  merge(
    { record }: Decoded,
    offset: number,
    keys: readonly (Key | undefined)[],
    failed: Failed,
    tell: (message: OutboxMessage) => void,
  ): void {
    for (const [i, { processor, rows, dirty }] of this.#slots.entries()) {
      const key = keys[i]
      if (key === undefined) continue
      const row = rows.get(textOf(key))!
      const before = row.row
      try {
        const after = processor.merge(before, record as never, key)
        const message = after === undefined ? undefined : processor.tells?.(before, after)
        row.row = after
        if (message !== undefined) tell(message)
      } catch (error) {
        failed(processor, offset, error)
        continue
      }
      if (row.row === undefined) continue
      row.firstOffset = Math.min(row.firstOffset, offset)
      row.lastOffset = Math.max(row.lastOffset, offset)
      if (!row.dirty) dirty.push(row)
      row.dirty = true
    }
  }

  get dirtyRows(): number {
    return this.#slots.reduce((rows, { dirty }) => rows + dirty.length, 0)
  }

  pending(): { table: Table<unknown>; writes: readonly CachedRow[] }[] {
    return this.#slots
      .filter(({ dirty }) => dirty.length > 0)
      .map(({ table, dirty }) => ({ table, writes: dirty }))
  }

  /** Forgets every row: they are few or seldom touched twice, and one rejection may weigh a megabyte. */
  committed(): void {
    for (const slot of this.#slots) {
      slot.dirty = []
      slot.rows.clear()
    }
  }

  drop(processor: AnyProcessor): void {
    this.#slots = this.#slots.filter((slot) => slot.processor !== processor)
  }
}

function textOf(key: Key): string {
  return key.length === 1 && typeof key[0] === 'string' ? key[0] : JSON.stringify(key)
}
