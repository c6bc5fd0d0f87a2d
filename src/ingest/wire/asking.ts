import type { Control, Subscription, Wire } from '../venue.ts'

type Accepted = Extract<Control, { readonly type: 'accepted' }>
type Refused = Extract<Control, { readonly type: 'refused' }>

/** One message to be sent. A wire may write it as several texts, or, where its address says it all, as none. */
export type Message = { readonly id: number; readonly texts: readonly string[] }

/** Several subscriptions may share a channel: it is asked for once and answered for all of them. */
type Channel = {
  readonly name: string
  readonly subscriptions: Subscription[]
  phase: 'waiting' | 'asked' | 'accepted' | 'refused'
  /** The message that asks for it, or did last. */
  id: number
}

/**
 * What one socket has been asked for, and what it has said to that. Every answer counts once for each time of asking:
 * `accepted`, `refused` and `overdue` name only what had not been answered before.
 */
export type Asking = {
  /** The messages that ask for everything. */
  all(): readonly Message[]
  /** The messages that end these and then ask for them anew. Left out: what is being asked for, what was refused. */
  again(subscriptions: readonly Subscription[]): {
    readonly endings: readonly Message[]
    readonly askings: readonly Message[]
  }
  /** This message is being sent: answers may come. */
  sending(id: number): void
  /** What has now been said yes to. */
  accepted(answer: Accepted): readonly Subscription[]
  /** What has now been said no to; undefined where the venue does not say what it means. */
  refused(answer: Refused): readonly Subscription[] | undefined
  /**
   * The time for answers to this message is over. Undefined where nothing of it was answered; else the rest, which the venue
   * has left out without a word.
   */
  overdue(id: number): readonly Subscription[] | undefined
  /** Whether the message of this id asked for something. */
  knows(id: number): boolean
  /** Whether everything that was asked for has been answered. */
  readonly isSettled: boolean
}

/** `nextId` gives a number that no other message of this socket has. */
export function openAsking(wire: Wire, subscriptions: readonly Subscription[], nextId: () => number): Asking {
  const channels = channelsOf(wire, subscriptions)
  /** Channels that wait or are asked for. */
  let unanswered = channels.size

  function inMessages(
    some: readonly Channel[],
    write: (subscriptions: readonly Subscription[], id: number) => readonly string[],
  ): { message: Message; channels: readonly Channel[] }[] {
    const perMessage = wire.limits.subscriptionsPerMessage
    return Array.from({ length: Math.ceil(some.length / perMessage) }, (_, at) => {
      const channels = some.slice(at * perMessage, (at + 1) * perMessage)
      const id = nextId()
      return { message: { id, texts: write(channels.map(first), id) }, channels }
    })
  }

  function ask(some: readonly Channel[]): Message[] {
    return inMessages(some, (subscriptions, id) => wire.subscribe(subscriptions, id)).map(
      ({ message, channels: asked }) => {
        for (const channel of asked) channel.id = message.id
        return message
      },
    )
  }

  function end(some: readonly Channel[]): Message[] {
    return inMessages(some, (subscriptions, id) => wire.unsubscribe(subscriptions, id)).map(
      ({ message }) => message,
    )
  }

  function of(id: number): Channel[] {
    return [...channels.values()].filter((channel) => channel.id === id)
  }

  function meant({ id, channels: names }: { id?: number; channels?: readonly string[] }): Channel[] {
    if (names !== undefined) return names.flatMap((name) => channels.get(name) ?? [])
    return id === undefined ? [...channels.values()] : of(id)
  }

  function answer(answered: readonly Channel[], phase: 'accepted' | 'refused'): Subscription[] {
    const asked = answered.filter((channel) => channel.phase === 'asked')
    for (const channel of asked) channel.phase = phase
    unanswered -= asked.length
    return asked.flatMap((channel) => channel.subscriptions)
  }

  return {
    all: () => ask([...channels.values()]),
    again(wishes) {
      const names = new Set(wishes.map((wish) => wire.channel(wish)))
      const wanted = [...names].flatMap((name) => channels.get(name) ?? [])
      const standing = wanted.filter((channel) => channel.phase === 'accepted')
      for (const channel of standing) channel.phase = 'waiting'
      unanswered += standing.length
      return { endings: end(standing), askings: ask(standing) }
    },
    sending(id) {
      for (const channel of of(id)) channel.phase = 'asked'
    },
    accepted: (said) => answer(meant(said), 'accepted'),
    refused(said) {
      return said.id === undefined && said.channels === undefined ? undefined : answer(meant(said), 'refused')
    },
    overdue(id) {
      const asked = of(id)
      const silent = asked.filter((channel) => channel.phase === 'asked')
      return silent.length > 0 && silent.length === asked.length ? undefined : answer(silent, 'refused')
    },
    knows: (id) => of(id).length > 0,
    get isSettled() {
      return unanswered === 0
    },
  }
}

function channelsOf(wire: Wire, subscriptions: readonly Subscription[]): Map<string, Channel> {
  const channels = new Map<string, Channel>()
  for (const subscription of subscriptions) {
    const name = wire.channel(subscription)
    const channel = channels.get(name)
    if (channel === undefined)
      channels.set(name, { name, subscriptions: [subscription], phase: 'waiting', id: 0 })
    else channel.subscriptions.push(subscription)
  }
  return channels
}

function first({ subscriptions }: Channel): Subscription {
  return subscriptions[0]!
}

/**
 * Subscriptions for one connection each: as many channels as the wire allows on one. Subscriptions that share a channel
 * stay together.
 */
export function splitSubscriptions(wire: Wire, subscriptions: readonly Subscription[]): Subscription[][] {
  const channels = [...channelsOf(wire, subscriptions).values()]
  const { subscriptionsPerConnection: perConnection } = wire.limits
  const parts: Subscription[][] = []
  for (let from = 0; from < channels.length; from += perConnection) {
    parts.push(channels.slice(from, from + perConnection).flatMap((channel) => channel.subscriptions))
  }
  return parts
}
