/** Which reading of a patient stands: what came, what was corrected, what was withdrawn. Pure. */
import type { AlertCounts, LiveNews2, LiveReading, WallReading, WallTile } from '@/api/types'

export type Code = LiveReading['code']
/** An update over the socket: a reading, and NEWS2 when it has changed. */
export type LiveUpdate = LiveReading & { news2?: LiveNews2 | null; sent_at?: string }
/** How the alerts of a patient stand, over the socket. */
export interface AlertUpdate {
  patient: string
  alerts: AlertCounts
}
/** Of which patient the portal cannot tell something, and which code that is on a topic of vitals. */
export interface Untold {
  patient: string
  code?: string
}
export type Vitals = Readonly<Partial<Record<Code, LiveReading>>>
export const NO_ALERTS: AlertCounts = {
  open: 0,
  unacknowledged: 0,
  overdue: 0,
  next_due_at: null,
  highest_severity: null,
}

/** A patient as the wall holds them; replaced as a whole, never changed. */
export interface Tile {
  readonly id: string
  readonly subject: string
  readonly site: string
  readonly trial: string
  readonly vitals: Vitals
  readonly news2: LiveNews2 | null
  readonly eligibility: WallTile['news2_eligibility']
  readonly alerts: AlertCounts
  /** When the portal said so over the socket: what it answered before is older. */
  readonly news2AsOf: number
  readonly alertsAsOf: number
  readonly lastReceivedAt: string | null
  /** What stands but cannot be told: codes, or fields of the portal's tile. */
  readonly untold: readonly string[]
  /** Codes whose value has just changed. */
  readonly flashing: readonly Code[]
}

export function isWithdrawn(reading: LiveReading): boolean {
  return reading.status === 'entered_in_error'
}

/** When a reading was taken, in milliseconds; one without a time is older than any other. */
export function takenAt(reading: LiveReading): number {
  const at = reading.measured_at === null ? NaN : Date.parse(reading.measured_at)
  return Number.isNaN(at) ? -Infinity : at
}

/**
 * The readings after one more. The latest measured stands whatever its position; a correction replaces
 * the reading that it corrects; of a withdrawn one only the fact that it was withdrawn stays.
 */
export function withReading(vitals: Vitals, reading: LiveReading): Vitals {
  const { code } = reading
  const current = vitals[code]
  if (current?.reading === reading.reading) {
    return reading.version < current.version ? vitals : { ...vitals, [code]: reading }
  }
  if (isWithdrawn(reading)) return vitals
  if (current !== undefined && !isWithdrawn(current) && takenAt(reading) < takenAt(current)) return vitals
  return { ...vitals, [code]: reading }
}

/** A patient as the portal has just told them, with what came over the socket since. */
export function tileOf(told: WallTile, current?: Tile): Tile {
  let vitals: Vitals = {}
  for (const reading of told.vitals) vitals = withReading(vitals, asLive(reading, told))
  const asOf = Date.parse(told.server_time)
  for (const reading of Object.values(current?.vitals ?? {})) {
    if (Date.parse(reading.received_at) > asOf) vitals = withReading(vitals, reading)
  }
  const { news2AsOf, alertsAsOf } = current ?? { news2AsOf: 0, alertsAsOf: 0 }
  return {
    id: told.patient,
    subject: told.subject_number,
    site: told.site,
    trial: told.trial,
    vitals,
    news2: current !== undefined && news2AsOf > asOf ? current.news2 : told.news2,
    eligibility: told.news2_eligibility,
    alerts: current !== undefined && alertsAsOf > asOf ? current.alerts : (told.alerts ?? NO_ALERTS),
    news2AsOf,
    alertsAsOf,
    lastReceivedAt: latest(told.last_received_at, current?.lastReceivedAt ?? null),
    untold: told.untold,
    flashing: [],
  }
}

const FIELDS: readonly string[] = ['news2', 'news2_eligibility', 'alerts', 'last_received_at']

/** A patient of whom a snapshot does not tell these codes: what was shown of them is not the latest. */
export function withoutCodes(tile: Tile, codes: readonly string[]): Tile {
  const vitals = Object.fromEntries(Object.entries(tile.vitals).filter(([code]) => !codes.includes(code)))
  return { ...tile, vitals, untold: [...tile.untold.filter((one) => FIELDS.includes(one)), ...codes] }
}

/** A patient whose alerts were told, or cannot be. */
export function withAlerts(tile: Tile, alerts: AlertCounts | null, at: number): Tile {
  const others = tile.untold.filter((one) => one !== 'alerts')
  return { ...tile, alerts: alerts ?? NO_ALERTS, alertsAsOf: at, untold: alerts ? others : [...others, 'alerts'] }
}

/** A reading of a tile in the words of the socket. */
function asLive(reading: WallReading, { patient, subject_number }: WallTile): LiveReading {
  const { value } = reading
  return { late: false, flags: [], ...reading, patient, subject_number, min: value, max: value, n: 1 }
}

/** The alerts at this moment: who stood before their time a while ago may be overdue now. */
export function alertsAt(alerts: AlertCounts, now: number): AlertCounts {
  const { next_due_at: due, overdue } = alerts
  return due !== null && Date.parse(due) < now ? { ...alerts, overdue: Math.max(1, overdue) } : alerts
}

/** A patient after a batch of updates, in their order. */
export function withUpdates(tile: Tile, updates: readonly LiveUpdate[]): Tile {
  let { vitals, news2, news2AsOf, lastReceivedAt } = tile
  const changed = new Set<Code>()
  for (const update of updates) {
    const before = vitals[update.code]?.value
    vitals = withReading(vitals, update)
    if (vitals[update.code]?.value !== before) changed.add(update.code)
    if (update.news2 !== undefined) {
      news2 = update.news2
      news2AsOf = Date.parse(update.sent_at ?? update.received_at)
    }
    lastReceivedAt = latest(lastReceivedAt, update.received_at)
  }
  return { ...tile, vitals, news2, news2AsOf, lastReceivedAt, flashing: [...changed] }
}

function latest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  return Date.parse(one) < Date.parse(other) ? other : one
}
