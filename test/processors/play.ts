import fc from 'fast-check'
import { add, decimalOf, formatDecimal, half, subtract } from '../../src/models/decimal.ts'
import type { BookState, Since } from '../../src/models/product-book.ts'
import type { BookTop, Processor, Records } from '../../src/processors/processor.ts'
import { sinceTopOf } from '../../src/processors/running/decode.ts'
import { type Key, rowFromSql, rowToSql, type SqlValue, snakeCase } from '../../src/store/table.ts'

/** A book as a table line of a test says it; what is not said is made up. */
export function book(about: {
  at: number | string
  bid: string
  ask: string
  state?: BookState
  sequence?: number | null
  n?: number
  since?: Since
  bidSize?: string
  askSize?: string
  receivedAtMs?: number
  unit?: string
}): BookTop {
  const timeMs = typeof about.at === 'number' ? about.at : Date.parse(about.at)
  const [bid, ask] = [decimalOf(about.bid), decimalOf(about.ask)]
  const spread = subtract(ask, bid)
  return {
    feed: 7,
    timeMs,
    exchangeTimeMs: timeMs,
    receivedAtMs: about.receivedAtMs ?? timeMs,
    sequence: about.sequence === undefined ? 1 : about.sequence,
    n: about.n ?? 1,
    state: about.state ?? (spread.units > 0 ? 'ok' : spread.units < 0 ? 'crossed' : 'locked'),
    bid,
    bidSize: decimalOf(about.bidSize ?? '1'),
    ask,
    askSize: decimalOf(about.askSize ?? '1'),
    spread,
    mid: half(add(bid, ask)),
    bidLevels: 5,
    askLevels: 5,
    since: about.since === undefined ? null : sinceTopOf(about.since),
    unit: about.unit ?? null,
  }
}

/** Merges the records one after the other into the row of `key`. */
export function merged<Type extends keyof Records, Row>(
  processor: Processor<Type, Row>,
  key: Key,
  records: readonly Records[Type][],
): Row | undefined {
  return records.reduce<Row | undefined>((row, record) => processor.merge(row, record, key), undefined)
}

/** What a row's columns hold in SQL, by their names there; a missing row has none. */
export function written<Row>(
  processor: { table: Processor<keyof Records, Row>['table'] },
  row: Row | undefined,
): Record<string, SqlValue> | undefined {
  if (row === undefined) return undefined
  const values: SqlValue[] = []
  rowToSql(processor.table, row, values)
  return Object.fromEntries(processor.table.columns.map(({ name }, i) => [snakeCase(name), values[i]!]))
}

/**
 * The promise of every processor: whatever order the records come in, and wherever the row is written down and read
 * back between them, every column of the row is the same.
 */
export function holdsInAnyOrder<Type extends keyof Records, Row>(
  processor: Processor<Type, Row>,
  key: Key,
  record: fc.Arbitrary<Records[Type]>,
): void {
  const plays = fc
    .array(record, { minLength: 1, maxLength: 12 })
    .chain((records) =>
      fc.tuple(
        fc.constant(records),
        fc.shuffledSubarray(records, { minLength: records.length, maxLength: records.length }),
        fc.array(fc.boolean(), { minLength: records.length, maxLength: records.length }),
      ),
    )
  fc.assert(
    fc.property(plays, ([records, shuffled, cuts]) => {
      const straight = written(processor, merged(processor, key, records))
      let row: Row | undefined
      shuffled.forEach((one, i) => {
        row = processor.merge(row, one, key)
        if (cuts[i] && row !== undefined) row = restored(processor, row)
      })
      const other = written(processor, row)
      if (JSON.stringify(other) !== JSON.stringify(straight)) {
        throw new Error(`in order:\n${JSON.stringify(straight)}\nshuffled:\n${JSON.stringify(other)}`)
      }
    }),
    { numRuns: 500 },
  )
}

function restored<Type extends keyof Records, Row>(processor: Processor<Type, Row>, row: Row): Row {
  const values: SqlValue[] = []
  rowToSql(processor.table, row, values)
  return rowFromSql(processor.table, values)
}

/** Where the books of `anyBook` begin: the start of a five-minute window. */
export const START_MS = Date.UTC(2026, 10, 20, 14, 30)

/** Few different times, sequences, numbers and prices, so that ties of every sort are common. */
export const anyBook: fc.Arbitrary<BookTop> = fc
  .record({
    at: fc.integer({ min: 0, max: 3 }),
    sequence: fc.option(fc.integer({ min: 0, max: 1 })),
    n: fc.integer({ min: 1, max: 2 }),
    receivedAtMs: fc.integer({ min: START_MS, max: START_MS + 1 }),
    bid: fc.integer({ min: 98, max: 102 }),
    ask: fc.integer({ min: 99, max: 103 }),
    zeros: fc.boolean(),
    indicative: fc.boolean(),
    bidSize: fc.constantFrom('1', '2.5', '2.50'),
    since: fc.option(fc.nat(3)),
  })
  .map(({ at, bid, ask, zeros, indicative, since, ...about }) => {
    const price = (value: number) => (zeros ? `${value}.0` : String(value))
    const prices = { at: START_MS + at * 400, bid: price(bid), ask: price(ask) }
    const made = book({ ...about, ...prices })
    const held = since === null || ask <= bid ? null : sinceTopOf(sinceOf(made, since))
    return { ...made, since: held, state: indicative ? ('indicative' as const) : made.state }
  })

function sinceOf(made: BookTop, before: number): Since {
  const atMs = made.timeMs - before * 400
  const [bidMax, askMin] = [formatDecimal(made.bid), formatDecimal(made.ask)]
  return {
    updates: 1,
    bidMax,
    bidMaxAtMs: atMs,
    askMin,
    askMinAtMs: atMs,
    spreadMax: formatDecimal(made.spread),
    spreadMaxBid: formatDecimal(made.bid),
    spreadMaxAtMs: atMs,
  }
}
