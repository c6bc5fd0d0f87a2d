import { isoTime } from '../models/time.ts'
import type { MadeBook, MadeLevel, MadeTick } from './made-market.ts'

/**
 * A made book in the words of Coinbase's REST answer, level 2: its order of keys, no spaces, no trailing zeros, order
 * counts as bare numbers, time to the microsecond.
 *
 *   {"bids":[["71234.56","0.5",3],...],"asks":[...],"sequence":1,"auction_mode":false,"auction":null,"time":"..."}
 */
export function coinbaseBody(tick: MadeTick, book: MadeBook): string {
  const { pricePlaces, sizePlaces } = tick.listing
  const time = `${isoTime(tick.exchangeTimeMs).slice(0, -1)}${String(book.exchangeTimeMicros).padStart(3, '0')}Z`
  return (
    `{"bids":${levelsText(book.bids, pricePlaces, sizePlaces)},"asks":${levelsText(book.asks, pricePlaces, sizePlaces)}` +
    `,"sequence":${book.sequence},"auction_mode":false,"auction":null,"time":"${time}"}`
  )
}

function levelsText(levels: readonly MadeLevel[], pricePlaces: number, sizePlaces: number): string {
  let text = ''
  for (const [priceTicks, sizeUnits, orders] of levels) {
    text += `${text === '' ? '[' : ','}["${shifted(priceTicks, pricePlaces)}","${shifted(sizeUnits, sizePlaces)}",${orders}]`
  }
  return `${text}]`
}

/** `units / 10^places` without trailing zeros. `units` is not negative; `places` is at least 1. */
function shifted(units: number, places: number): string {
  const one = ONES[places]!
  const whole = Math.floor(units / one)
  const rest = units - whole * one
  if (rest === 0) return String(whole)
  let end = places + 1
  const digits = String(rest + one)
  while (digits.charCodeAt(end - 1) === 48) end--
  return `${whole}.${digits.slice(1, end)}`
}

const ONES = Array.from({ length: 10 }, (_, places) => 10 ** places)
