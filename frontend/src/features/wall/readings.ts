/** Which reading of a patient stands: what came, what was corrected, what was withdrawn. Pure. */
import type { AlertCounts, LiveNews2, LiveReading, WallTile } from '@/api/types'

export type Code = LiveReading['code']
/** An update over the socket: a reading, and NEWS2 when it has changed. */
export type LiveUpdate = LiveReading & { news2?: LiveNews2 | null }
export type Vitals = Readonly<Partial<Record<Code, LiveReading>>>

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
  readonly lastReceivedAt: string | null
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
  for (const reading of told.vitals) vitals = withReading(vitals, reading)
  const asOf = Date.parse(told.server_time)
  for (const reading of Object.values(current?.vitals ?? {})) {
    if (Date.parse(reading.received_at) > asOf) vitals = withReading(vitals, reading)
  }
  return {
    id: told.patient,
    subject: told.subject_number,
    site: told.site,
    trial: told.trial,
    vitals,
    news2: told.news2,
    eligibility: told.news2_eligibility,
    alerts: told.alerts,
    lastReceivedAt: latest(told.last_received_at, current?.lastReceivedAt ?? null),
    flashing: [],
  }
}

/** A patient after a batch of updates, in their order. */
export function withUpdates(tile: Tile, updates: readonly LiveUpdate[]): Tile {
  let { vitals, news2, lastReceivedAt } = tile
  const changed = new Set<Code>()
  for (const update of updates) {
    const before = vitals[update.code]?.value
    vitals = withReading(vitals, update)
    if (vitals[update.code]?.value !== before) changed.add(update.code)
    if (update.news2 !== undefined) news2 = update.news2
    lastReceivedAt = latest(lastReceivedAt, update.received_at)
  }
  return { ...tile, vitals, news2, lastReceivedAt, flashing: [...changed] }
}

function latest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other
  return Date.parse(one) < Date.parse(other) ? other : one
}
