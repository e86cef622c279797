/** What is old: by the portal's time, per reading, and NEWS2 with what it was scored on. Pure. */
import type { LiveReading } from '@/api/types'
import { isWithdrawn, takenAt, type Code, type Tile } from './readings'

const SCORED: readonly Code[] = [
  'respiratory_rate',
  'spo2',
  'supplemental_oxygen',
  'systolic_bp',
  'pulse_rate',
  'heart_rate',
  'consciousness',
  'temperature',
]
const DAY_MS = 86_400_000

export function isStale(reading: LiveReading, now: number): boolean {
  return now - takenAt(reading) > reading.fresh_for_seconds * 1000
}

export type News2State = 'none' | 'incomplete' | 'expired' | 'zero' | 'low' | 'low_medium' | 'medium' | 'high'

/** How NEWS2 is shown: it has no color once it has expired, or a value that it is scored on is old. */
export function news2State(tile: Tile, now: number): News2State {
  const { news2 } = tile
  if (news2 === null) return 'none'
  const isOver = news2.expires_at !== null && Date.parse(news2.expires_at) <= now
  if (isOver || SCORED.some((code) => isOld(tile.vitals[code], now))) return 'expired'
  if (!news2.complete || news2.score === null || news2.band === null) return 'incomplete'
  return news2.score === 0 ? 'zero' : news2.band
}

/** `silent`: fell silent within the last day. `fresh`: something is current. `old`: nothing for a day. */
export type Flow = 'silent' | 'fresh' | 'old'

export function flowOf(tile: Tile, now: number): Flow {
  const standing = Object.values(tile.vitals).filter((one) => !isWithdrawn(one))
  if (standing.some((one) => !isStale(one, now))) return 'fresh'
  const newest = Math.max(...standing.map(takenAt))
  return now - newest < DAY_MS ? 'silent' : 'old'
}

function isOld(reading: LiveReading | undefined, now: number): boolean {
  return reading !== undefined && !isWithdrawn(reading) && isStale(reading, now)
}
