/** In which order the flow of data is shown, and what of it. Pure. */
import type { DataFlow } from '@/api/types'
import type { Filters } from './risk'

const DAY_MS = 86_400_000

/** Quarantined first, then findings, missing and late; of equals whoever was silent longest. */
export function byFlow(rows: readonly DataFlow[]): DataFlow[] {
  return [...rows].sort(
    (a, b) =>
      b.quarantined - a.quarantined ||
      b.open_findings - a.open_findings ||
      b.missing_days - a.missing_days ||
      b.late_reports - a.late_reports ||
      receivedAt(a) - receivedAt(b) ||
      (a.subject_number < b.subject_number ? -1 : 1),
  )
}

export function flowPasses(row: DataFlow, filters: Filters, now: number): boolean {
  const { search, site, hasAlert, isStale } = filters
  if (search && !row.subject_number.toLowerCase().includes(search.toLowerCase())) return false
  if (site && row.site !== site) return false
  if (hasAlert && row.quarantined + row.open_findings + row.missing_days + row.late_reports === 0) return false
  return !isStale || now - receivedAt(row) > DAY_MS
}

function receivedAt(row: DataFlow): number {
  return row.last_received_at === null ? -Infinity : Date.parse(row.last_received_at)
}
