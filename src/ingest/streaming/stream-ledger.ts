import type { BookCounts } from '../books/standing-book.ts'

/**
 * Every event that came over a stream is exactly one of these, once it is known which:
 * received = published + conflated + old + outOfStep + control + rejected + unwanted + dropped, but for what still waits.
 */
export type StreamLedger = BookCounts & {
  received: number
  /** The venue's own affairs: acks, heartbeats, pongs. */
  control: number
  rejected: number
  /** News that nobody asked for. */
  unwanted: number
  /** Good, and there was no room for it. */
  dropped: number
}

export function newStreamLedger(): StreamLedger {
  return {
    received: 0,
    published: 0,
    conflated: 0,
    old: 0,
    outOfStep: 0,
    control: 0,
    rejected: 0,
    unwanted: 0,
    dropped: 0,
  }
}
