import type { Alert } from '../../alerts/alert.ts'
import type { EngineError } from '../../models/engine-error.ts'
import type { VenueId } from '../../models/scalars.ts'
import type { FeedKind } from '../../models/topics.ts'
import type { ConnectionNews } from '../socket.ts'
import type { WireUse } from './product-list.ts'

export type StreamTellingAbout = {
  readonly run: string
  readonly venue: { readonly id: VenueId }
  readonly nowMs: () => number
  /** Bounded in time and never rejects. */
  readonly tell: (alert: Alert) => Promise<void>
}

/** What people are told of a streaming run. */
export class StreamTelling {
  readonly #about: StreamTellingAbout
  readonly #underWay = new Set<Promise<void>>()
  #alerts = 0

  constructor(about: StreamTellingAbout) {
    this.#about = about
  }

  /** Resolves when everything has been told that was to be told by now. */
  async told(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  tell(title: string, text: string, severity: Alert['severity']): void {
    const { run, nowMs } = this.#about
    this.pass({ id: `${run}-${++this.#alerts}`, title, text, severity, atMs: nowMs() })
  }

  pass(alert: Alert): void {
    const telling = this.#about.tell(alert)
    this.#underWay.add(telling)
    void telling.finally(() => this.#underWay.delete(telling))
  }

  unknown(patterns: readonly string[]): void {
    const title = `${this.#about.venue.id} does not list ${patterns.join(', ')}`
    this.tell(title, 'Nothing is taken of it in this run. The others go on.', 'warning')
  }

  refused(kind: FeedKind, product: string, message: string): void {
    const title = `${this.#about.venue.id} refuses ${kind} of ${product}`
    this.tell(title, `It answered: ${message}\nThe others go on.`, 'warning')
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
