import { describe, expect, it } from 'vitest'
import type { Absence } from '@/api/types'
import { inOrder, instantOf, stateOf, typedOf } from './absences'

const NOW = Date.parse('2026-11-26T10:00:00Z')

function absence(from: string, to: string): Absence {
  return {
    id: from,
    version: 1,
    created_at: '2026-11-01T00:00:00Z',
    person: 'p',
    person_name: 'Ana',
    deputy: 'd',
    deputy_name: 'Mo',
    from_at: from,
    to_at: to,
  }
}

const over = absence('2026-11-01T00:00:00Z', '2026-11-26T10:00:00Z')
const older = absence('2026-10-01T00:00:00Z', '2026-10-02T00:00:00Z')
const now = absence('2026-11-26T10:00:00Z', '2026-11-27T00:00:00Z')
const coming = absence('2026-12-01T00:00:00Z', '2026-12-05T00:00:00Z')
const later = absence('2026-12-24T00:00:00Z', '2027-01-02T00:00:00Z')

describe('absences', () => {
  it('are over at their end and count from their beginning', () => {
    expect([over, now, coming].map((one) => stateOf(one, NOW))).toEqual(['over', 'now', 'coming'])
  })

  it('stand in the order in which they concern somebody', () => {
    const shown = inOrder([older, later, over, coming, now], NOW)
    expect(shown).toEqual([now, coming, later, over, older])
  })

  it('are typed by the clock of this machine', () => {
    expect(instantOf(typedOf(NOW))).toBe('2026-11-26T10:00:00.000Z')
    expect(instantOf('')).toBeNull()
    expect(instantOf('tomorrow')).toBeNull()
  })
})
