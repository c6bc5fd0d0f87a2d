import { decimalOf } from '../../src/models/decimal.ts'
import { type Table, table } from '../../src/store/table.ts'

/** A table of tests' own. */
export type Row = {
  readonly feed: number
  readonly startMs: number
  readonly price: ReturnType<typeof decimalOf>
  readonly note: string | null
}

export const prices = untyped(
  table<Row>('prices', ['feed', 'startMs'], {
    feed: 'integer',
    startMs: 'integer',
    price: 'decimal',
    note: 'text?',
  }),
)

export const row = (startMs: number, price = '100', note: string | null = null): Row => ({
  feed: 7,
  startMs,
  price: decimalOf(price),
  note,
})

/** A store keeps tables of any rows. */
export function untyped<R>(described: Table<R>): Table<unknown> {
  return described as unknown as Table<unknown>
}
