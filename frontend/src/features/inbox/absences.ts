/** Absences as they are shown and typed: pure, by the clock of whoever looks. */
import type { Absence } from '@/api/types'

export type AbsenceState = 'now' | 'coming' | 'over'

export function stateOf(absence: Pick<Absence, 'from_at' | 'to_at'>, now: number): AbsenceState {
  if (Date.parse(absence.to_at) <= now) return 'over'
  return Date.parse(absence.from_at) > now ? 'coming' : 'now'
}

const RANK: Record<AbsenceState, number> = { now: 0, coming: 1, over: 2 }

/** What counts now first, then what comes, soonest first; what is over last, latest first. */
export function inOrder(absences: readonly Absence[], now: number): Absence[] {
  return [...absences].sort((a, b) => {
    const [first, second] = [stateOf(a, now), stateOf(b, now)]
    if (first !== second) return RANK[first] - RANK[second]
    const sooner = Date.parse(a.from_at) - Date.parse(b.from_at)
    return first === 'over' ? -sooner : sooner
  })
}

/** What `datetime-local` holds, by this machine's clock, as an instant; null while it is not one. */
export function instantOf(typed: string): string | null {
  const found = typed ? new Date(typed) : null
  return found === null || Number.isNaN(found.getTime()) ? null : found.toISOString()
}

/** An instant as `datetime-local` wants it. */
export function typedOf(instant: number): string {
  const at = new Date(instant)
  const two = (part: number): string => String(part).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`
}
