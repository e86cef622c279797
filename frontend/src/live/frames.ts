/** What comes over /ws/live/ and what goes (contract of the portal's socket). */
export interface Update<T = unknown> {
  type: 'update'
  topic: string
  sequence: number
  kind: string
  data: T
  sent_at: string
}

export type ServerFrame =
  | { type: 'ready'; user: string; session: string; heartbeat_seconds: number; server_time: string }
  | { type: 'subscribed'; topic: string; sequence: number }
  | { type: 'unsubscribed'; topic: string }
  | { type: 'snapshot'; topic: string; data: unknown[]; untold?: unknown[] }
  | { type: 'resync'; topic: string }
  | { type: 'error'; code: string; topic: string }
  | { type: 'pong' }
  | Update

/** What a subscriber is told. Every part is called in the order in which the server said it. */
export interface Subscriber {
  /** With what stands but cannot be told. */
  onSnapshot?(data: unknown[], untold: unknown[]): void
  onUpdate?(update: Update): void
  /** What was told before has changed; it comes under its old number, and more than once perhaps. */
  onChange?(update: Update): void
  /** What was missed cannot be replayed: read it again. */
  onResync?(): void
  /** The right to the topic was refused or has ended. */
  onRefused?(code: string): void
  onSubscribed?(sequence: number): void
}
