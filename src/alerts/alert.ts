/** Something that people must be told. `id` is the same however often it is sent. */
export type Alert = {
  readonly id: string
  /** One line. May hold anything a venue has sent: each sink makes it harmless in its own medium. */
  readonly title: string
  readonly text: string
  readonly severity: 'info' | 'warning' | 'critical'
  readonly atMs: number
}

/** Where people are told. */
export type Sink = {
  readonly name: string
  /**
   * At least so long between two messages about digests, each then covering all that are waiting. 0: every digest has a
   * message of its own, at once.
   */
  readonly paceMs: number
  /**
   * Resolves when the other side has taken the alert; rejects with an EngineError `sink-failed` (with `retry.afterMs`
   * where the other side names a time), and when `signal` aborts.
   */
  send(alert: Alert, about: { signal: AbortSignal }): Promise<void>
}
