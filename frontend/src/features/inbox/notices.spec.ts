import { describe, expect, it } from 'vitest'
import type { Notice } from '@/api/types'
import { chosen, deskAddress, isOverdue, merged, openOnes } from './notices'

const NOW = Date.parse('2026-11-26T10:00:00Z')

function notice(sequence: number, more: Partial<Notice> = {}): Notice {
  return {
    id: `id-${sequence}`,
    version: 1,
    created_at: '2026-11-26T09:00:00Z',
    sequence,
    kind: 'alert.raised',
    urgency: 'routine',
    resource: 'alert',
    record: 'record',
    title: `Alert for S-010${sequence}`,
    trial: null,
    site: null,
    subject_number: `S-010${sequence}`,
    due_at: null,
    seen_at: null,
    acknowledged_at: null,
    acknowledged_by: null,
    acknowledged_by_name: null,
    comment: '',
    is_bulk: true,
    next_step: null,
    ...more,
  }
}

const nothing = { kind: '', urgency: '', site: '', overdue: false, search: '' }

describe('notices', () => {
  it('keeps one of each, the newest version of it', () => {
    const newer = notice(1, { version: 2, comment: 'mine' })
    expect(merged([notice(1)], [newer, notice(2)])).toEqual([newer, notice(2)])
    expect(merged([newer], [notice(1)])).toEqual([newer])
  })

  it('shows safety first, in it what is overdue, then the newest', () => {
    const late = notice(1, { urgency: 'safety', due_at: '2026-11-26T09:30:00Z' })
    const told = [notice(4), late, notice(2, { urgency: 'safety' }), notice(3, { urgency: 'urgent' })]
    expect(openOnes(told, NOW).map((one) => one.sequence)).toEqual([1, 2, 3, 4])
  })

  it('leaves out what was acknowledged', () => {
    expect(openOnes([notice(1, { acknowledged_at: '2026-11-26T09:30:00Z' })], NOW)).toEqual([])
  })

  it('is overdue only while nobody has acknowledged it', () => {
    const due = { due_at: '2026-11-26T09:59:59Z' }
    expect(isOverdue(notice(1, due), NOW)).toBe(true)
    expect(isOverdue(notice(1, { ...due, acknowledged_at: '2026-11-26T09:59:00Z' }), NOW)).toBe(false)
    expect(isOverdue(notice(1), NOW)).toBe(false)
  })

  it('finds by subject, kind, site and lateness', () => {
    const late = notice(1, { due_at: '2026-11-26T09:30:00Z', site: 'one' })
    const other = notice(2, { kind: 'diary.missed' })
    const found = (more: Partial<typeof nothing>) =>
      chosen([late, other], { ...nothing, ...more }, NOW).map((one) => one.sequence)
    expect(found({})).toEqual([1, 2])
    expect(found({ search: 's-0102 ' })).toEqual([2])
    expect(found({ kind: 'diary.missed' })).toEqual([2])
    expect(found({ site: 'one' })).toEqual([1])
    expect(found({ overdue: true })).toEqual([1])
  })

  it('knows where a record is worked on', () => {
    expect(deskAddress(notice(1))).toBe('/admin/patients/alert/record/change/')
    expect(deskAddress(notice(1, { resource: 'assignment' }))).toBe(null)
  })
})
