/** The one socket of a tab: opened when something is subscribed, and opened again for as long as it is. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { noteServerTime, serverNow } from '@/shared/serverClock'
import type { ServerFrame, Subscriber } from './frames'

/**
 * `idle`: nothing is wanted. `connecting`: the first try. `live`: answers came within two heartbeats.
 * `stale`: the connection was lost or is silent and is being made again. `refused`: it will not be.
 */
export type Connection = 'idle' | 'connecting' | 'live' | 'stale' | 'refused'

export interface Surroundings {
  open(url: string): WebSocket
  ticket(): Promise<string>
  random(): number
}

interface Topic {
  subscribers: Set<Subscriber>
  /** The last sequence heard; null before the first subscription was answered. */
  sequence: number | null
  /** Where the server stood when it last answered a subscription. */
  position: number
  /** Whether the server keeps what was missed, so that `after` is worth sending. */
  isReplayed: boolean
  refusal: string | null
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
/** 4401: the session is gone; 4403: the account may not. Trying again would change nothing. */
const FINAL = new Set([4401, 4403])

export class LiveSocket {
  readonly connection: Ref<Connection> = ref('idle')
  /** The portal's time of the last sign of life, in milliseconds. */
  readonly heardAt: ShallowRef<number | null> = shallowRef(null)
  private topics = new Map<string, Topic>()
  private socket: WebSocket | null = null
  private heartbeatMs = 25_000
  private isReady = false
  private failures = 0
  private silent = 0
  private attempt = 0
  private beat: ReturnType<typeof setInterval> | undefined
  private retry: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly around: Surroundings) {}

  /**
   * Listen to a topic until the returned function is called. With `after` the first subscription is
   * answered with what came after that sequence, or with `resync`.
   */
  subscribe(name: string, subscriber: Subscriber, after: number | null = null): () => void {
    let topic = this.topics.get(name)
    const isNew = topic === undefined
    topic ??= { subscribers: new Set(), sequence: after, position: 0, isReplayed: after !== null, refusal: null }
    this.topics.set(name, topic)
    topic.subscribers.add(subscriber)
    if (topic.refusal) subscriber.onRefused?.(topic.refusal)
    if (this.socket === null && this.retry === undefined) void this.connect()
    // A second subscriber needs the snapshot too: asking again is answered with a fresh one.
    else if (isNew || !topic.isReplayed) this.ask(name, topic)
    return () => this.unsubscribe(name, subscriber)
  }

  /** Try at once: the network is back, or somebody pressed the button. */
  hurry(): void {
    if (this.topics.size === 0 || this.isReady) return
    this.failures = 0
    this.drop()
    void this.connect()
  }

  /** Forget everything: the person has signed out. */
  close(): void {
    this.topics.clear()
    this.drop()
    this.heardAt.value = null
    this.connection.value = 'idle'
  }

  private unsubscribe(name: string, subscriber: Subscriber): void {
    const topic = this.topics.get(name)
    if (!topic?.subscribers.delete(subscriber) || topic.subscribers.size > 0) return
    this.topics.delete(name)
    this.say({ type: 'unsubscribe', topic: name })
  }

  private async connect(): Promise<void> {
    const attempt = ++this.attempt
    this.retry = undefined
    if (this.connection.value !== 'stale') this.connection.value = 'connecting'
    let ticket: string
    try {
      ticket = await this.around.ticket()
    } catch {
      // Without a session the store says so; without a network this is one more failure.
      if (attempt === this.attempt) this.again()
      return
    }
    if (attempt !== this.attempt) return
    const { protocol, host } = location
    const scheme = protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = this.around.open(`${scheme}//${host}/ws/live/?ticket=${encodeURIComponent(ticket)}`)
    this.socket = socket
    socket.onmessage = ({ data }) => {
      if (socket === this.socket) this.hear(JSON.parse(String(data)) as ServerFrame)
    }
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return
      this.drop()
      if (FINAL.has(code)) this.connection.value = 'refused'
      else this.again()
    }
  }

  private hear(frame: ServerFrame): void {
    this.silent = 0
    if (frame.type === 'ready') return this.begin(frame.heartbeat_seconds, frame.server_time)
    this.heardAt.value = serverNow()
    if (frame.type === 'pong') return
    const topic = this.topics.get(frame.topic)
    if (topic === undefined) return
    if (frame.type === 'subscribed') {
      topic.refusal = null
      topic.position = frame.sequence
      // What comes next is the replay: the number to come back with is that of what was heard.
      if (topic.sequence === null) topic.sequence = frame.sequence
      for (const one of topic.subscribers) one.onSubscribed?.(frame.sequence)
    } else if (frame.type === 'update') {
      if (topic.isReplayed && topic.sequence !== null && frame.sequence <= topic.sequence) {
        for (const one of topic.subscribers) one.onChange?.(frame)
        return
      }
      topic.sequence = frame.sequence
      for (const one of topic.subscribers) one.onUpdate?.(frame)
    } else if (frame.type === 'snapshot') {
      for (const one of topic.subscribers) one.onSnapshot?.(frame.data, frame.untold ?? [])
    } else if (frame.type === 'resync') {
      // Whoever reads again reads up to here at least.
      topic.sequence = topic.position
      for (const one of topic.subscribers) one.onResync?.()
    } else if (frame.type === 'error') {
      topic.refusal = frame.code
      for (const one of topic.subscribers) one.onRefused?.(frame.code)
    }
  }

  private begin(heartbeatSeconds: number, serverTime: string): void {
    noteServerTime(serverTime)
    this.heartbeatMs = heartbeatSeconds * 1000
    this.isReady = true
    this.failures = 0
    this.heardAt.value = serverNow()
    this.connection.value = 'live'
    this.beat = setInterval(() => this.pulse(), this.heartbeatMs)
    for (const [name, topic] of this.topics) this.ask(name, topic)
  }

  /** The server's own pings are the browser's to answer and unseen here: ask, and count the silences. */
  private pulse(): void {
    if (++this.silent > 2) {
      this.drop()
      this.again()
    } else {
      this.say({ type: 'ping' })
    }
  }

  private ask(name: string, topic: Topic): void {
    this.say({ type: 'subscribe', topic: name, after: topic.isReplayed ? topic.sequence : null })
  }

  private say(message: object): void {
    if (this.isReady) this.socket?.send(JSON.stringify(message))
  }

  private again(): void {
    this.connection.value = 'stale'
    if (this.topics.size === 0) return
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures++)
    // Half fixed, half random: a thousand walls that lost one server do not return as one.
    this.retry = setTimeout(() => void this.connect(), longest * (0.5 + this.around.random() / 2))
  }

  private drop(): void {
    this.attempt++
    clearInterval(this.beat)
    clearTimeout(this.retry)
    this.retry = undefined
    this.isReady = false
    this.silent = 0
    const socket = this.socket
    this.socket = null
    // Closed while it opens, a browser complains: what is opening closes as soon as it is open.
    if (socket?.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close()
    else socket?.close()
  }
}
