/** What is done with notices, without a screen: merging, order, choice. */
import type { Notice } from '@/api/types'

export interface Choice {
  kind: string
  urgency: string
  site: string
  overdue: boolean
  search: string
}

const RANK: Record<string, number> = { safety: 0, urgent: 1, routine: 2 }

/** Put what was told in its place: one of each id, the newest version of it. */
export function merged(held: readonly Notice[], told: readonly Notice[]): Notice[] {
  const byId = new Map(held.map((one) => [one.id, one]))
  for (const one of told) {
    if (one.version >= (byId.get(one.id)?.version ?? 0)) byId.set(one.id, one)
  }
  return [...byId.values()]
}

export function isOverdue(notice: Notice, now: number): boolean {
  return notice.acknowledged_at === null && notice.due_at !== null && Date.parse(notice.due_at) < now
}

/** What is open: safety first, in it what is overdue, then the newest. */
export function openOnes(notices: readonly Notice[], now: number): Notice[] {
  return notices
    .filter((one) => one.acknowledged_at === null)
    .sort(
      (a, b) =>
        (RANK[a.urgency] ?? 3) - (RANK[b.urgency] ?? 3) ||
        Number(isOverdue(b, now)) - Number(isOverdue(a, now)) ||
        b.sequence - a.sequence,
    )
}

export function chosen(notices: readonly Notice[], choice: Choice, now: number): Notice[] {
  const search = choice.search.trim().toLowerCase()
  return notices.filter(
    (one) =>
      (!choice.kind || one.kind === choice.kind) &&
      (!choice.urgency || one.urgency === choice.urgency) &&
      (!choice.site || one.site === choice.site) &&
      (!choice.overdue || isOverdue(one, now)) &&
      (!search ||
        one.title.toLowerCase().includes(search) ||
        (one.subject_number ?? '').toLowerCase().includes(search)),
  )
}

/** Where the record itself is worked on: the desk's page of it. */
const DESK: Record<string, string> = {
  adverse_event: 'events/adverseevent',
  alert: 'patients/alert',
  quarantined_submission: 'patients/quarantinedsubmission',
  report: 'documents/report',
}

export function deskAddress(notice: Notice): string | null {
  const model = DESK[notice.resource]
  return model === undefined ? null : `/admin/${model}/${notice.record}/change/`
}
