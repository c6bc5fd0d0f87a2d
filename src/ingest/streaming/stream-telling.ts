import type { Alert } from '../../alerts/alert.ts'
import type { EngineError } from '../../models/engine-error.ts'
import type { VenueId } from '../../models/scalars.ts'
import type { Timers } from '../../models/timers.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { ConnectionNews } from '../socket.ts'
import type { WireUse } from './product-list.ts'

export type StreamTellingAbout = {
  readonly run: string
  readonly venue: { readonly id: VenueId }
  readonly timers: Timers
  /** Bounded in time and never rejects. */
  readonly tell: (alert: Alert) => Promise<void>
}

/** Where a venue refuses one thing of many products it does so within moments. */
const REFUSALS_MS = 1_000
/** Products that a message names; of more it says how many. */
const NAMED_MAX = 20

type Refusals = { readonly products: string[]; readonly firstMessage: string; tell(): void }

/** What people are told of a streaming run. */
export class StreamTelling {
  readonly #about: StreamTellingAbout
  readonly #underWay = new Set<Promise<void>>()
  /** Refused and not told yet. */
  readonly #refusals = new Map<FeedKind, Refusals>()
  #alerts = 0

  constructor(about: StreamTellingAbout) {
    this.#about = about
  }

  /** Resolves when everything has been told that was to be told by now. */
  async told(): Promise<void> {
    for (const { tell } of this.#refusals.values()) tell()
    await Promise.all(this.#underWay)
  }

  tell(title: string, text: string, severity: Alert['severity']): void {
    const { run, timers } = this.#about
    this.pass({ id: `${run}-${++this.#alerts}`, title, text, severity, atMs: timers.nowMs() })
  }

  pass(alert: Alert): void {
    const telling = this.#about.tell(alert)
    this.#underWay.add(telling)
    void telling.finally(() => this.#underWay.delete(telling))
  }

  unknown(patterns: readonly string[]): void {
    const title = `${this.#about.venue.id} does not list ${named(patterns)}`
    this.tell(title, 'Nothing is taken of it in this run. The others go on.', 'warning')
  }

  /** What is refused at about the same time is told at once. */
  refused(kind: FeedKind, product: string, message: string): void {
    const known = this.#refusals.get(kind)
    if (known !== undefined) {
      known.products.push(product)
      return
    }
    const tell = () => {
      cancel()
      this.#tellRefusals(kind)
    }
    const cancel = this.#about.timers.after(REFUSALS_MS, tell)
    this.#refusals.set(kind, { products: [product], firstMessage: message, tell })
  }

  #tellRefusals(kind: FeedKind): void {
    const { products, firstMessage } = this.#refusals.get(kind)!
    this.#refusals.delete(kind)
    const title = `${this.#about.venue.id} refuses ${kind} of ${named(products)}`
    this.tell(title, `It answered: ${firstMessage}\nThe others go on.`, 'warning')
  }

  overloaded(recordsMax: number): void {
    const title = `The ${this.#about.venue.id} ingestor drops what it receives`
    const text = `${recordsMax} records wait for the log, which is too slow for what comes, or stuck.`
    const rest = 'What has no room is dropped, and is a hole of every product concerned. Streaming goes on.'
    this.tell(title, `${text}\n${rest}`, 'critical')
  }

  connection({ kind, message, failures }: ConnectionNews, { wire, socketUrl }: WireUse): void {
    const name = `${this.#about.venue.id} (${wire.name}, ${new URL(socketUrl).host})`
    if (kind === 'recovered') {
      this.tell(`${name} is back`, message, 'info')
      return
    }
    const text = `The last of ${failures} attempts: ${message}\nWhat is missed meanwhile is a hole. We go on trying.`
    this.tell(`${name} cannot be reached`, text, 'warning')
  }

  failed({ message, hint }: EngineError): void {
    const title = `The ${this.#about.venue.id} ingestor has stopped`
    this.tell(title, [message, hint ?? ''].join('\n').trim(), 'critical')
  }
}

function named(products: readonly string[]): string {
  const names = products.slice(0, NAMED_MAX).join(', ')
  return products.length > NAMED_MAX ? `${names} and ${products.length - NAMED_MAX} more` : names
}
