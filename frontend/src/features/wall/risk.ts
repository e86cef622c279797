/** In which order tiles stand, and which are shown. Pure. */
import { alertsAt, type Tile } from './readings'
import { flowOf, news2State, type Flow, type News2State } from './staleness'

const BAND: Record<News2State, number> = {
  high: 4,
  medium: 3,
  low_medium: 2,
  low: 1,
  zero: 0,
  incomplete: 0,
  expired: 0,
  none: 0,
}
/** Whoever fell silent comes before those whose values come; of whom nothing came for a day, last. */
const FLOW: Record<Flow, number> = { silent: 2, fresh: 1, old: 0 }

/** Overdue alerts first, then the NEWS2 band, open alerts, silence; then by subject. */
export function byRisk(tiles: readonly Tile[], now: number): Tile[] {
  const ranked = tiles.map((tile) => ({ tile, rank: rankOf(tile, now) }))
  ranked.sort((a, b) => {
    const place = a.rank.findIndex((value, n) => value !== b.rank[n])
    if (place >= 0) return (b.rank[place] ?? 0) - (a.rank[place] ?? 0)
    return a.tile.subject < b.tile.subject ? -1 : 1
  })
  return ranked.map(({ tile }) => tile)
}

function rankOf(tile: Tile, now: number): number[] {
  const { overdue, unacknowledged, open } = alertsAt(tile.alerts, now)
  // What cannot be told may be anything: somebody should look.
  const alert = unacknowledged > 0 || tile.untold.length > 0 ? 2 : open > 0 ? 1 : 0
  return [overdue > 0 ? 1 : 0, BAND[news2State(tile, now)], alert, FLOW[flowOf(tile, now)]]
}

export interface Filters {
  search: string
  site: string
  hasAlert: boolean
  isStale: boolean
  bands: readonly string[]
}

export function passes(tile: Tile, filters: Filters, now: number): boolean {
  if (filters.search && !tile.subject.toLowerCase().includes(filters.search.toLowerCase())) return false
  if (filters.site && tile.site !== filters.site) return false
  if (filters.hasAlert && tile.alerts.open === 0 && !tile.untold.includes('alerts')) return false
  if (filters.isStale && flowOf(tile, now) === 'fresh') return false
  return filters.bands.length === 0 || filters.bands.includes(news2State(tile, now))
}

/** The order that is shown while it may not change: who left is gone, who came stands at the end. */
export function keptOrder(shown: readonly string[], wanted: readonly string[]): string[] {
  const there = new Set(wanted)
  const known = new Set(shown)
  return [...shown.filter((id) => there.has(id)), ...wanted.filter((id) => !known.has(id))]
}
