import { describe, expect, it } from 'vitest'
import type { Series } from '@/api/types'
import { columnsOf, dotted, markedCount, markedOf, panned, rangeOf, zoomed } from './chartData'
import { flagsOf } from './flags'

const BEGIN = Date.parse('2026-11-26T00:00:00Z') / 1000
const HOUR = 3600

function at(seconds: number): string {
  return new Date((BEGIN + seconds) * 1000).toISOString()
}

function series(about: Partial<Series> = {}): Series {
  return {
    patient: 'p1',
    code: 'heart_rate',
    unit: '/min',
    since: at(0),
    until: at(HOUR),
    bucket_seconds: null,
    readings: [],
    buckets: [],
    thresholds: [],
    news2_bands: [],
    ...about,
  }
}

function reading(seconds: number, value: number, about: object = {}): Series['readings'][number] {
  const plain = { reading: 'r', status: 'final', comparator: '', position: '', flags: [], is_sample: false } as const
  return { at: at(seconds), value, ...plain, flags: [], ...about }
}

function bucket(seconds: number, mean: number | null, marked = 0): Series['buckets'][number] {
  return { at: at(seconds), min: mean, max: mean, mean, n: 1, last: mean, marked }
}

describe('the columns of a chart', () => {
  it('have a gap where nothing was measured for long', () => {
    const [x, values] = columnsOf(series({ readings: [0, 60, 120, 1800].map((s) => reading(s, 70)) }), [])
    expect(values).toEqual([70, 70, 70, null, 70])
    expect(x[3]).toBe(BEGIN + 960)
  })

  it('have a gap where a bucket is missing or holds nothing that counts', () => {
    const buckets = [bucket(0, 60), bucket(60, 61), bucket(120, null, 3), bucket(180, 63), bucket(300, 64)]
    const told = series({ bucket_seconds: 60, buckets })
    expect(columnsOf(told, [])[1]).toEqual([60, 61, null, 63, null, 64])
    expect(markedCount(told)).toBe(3)
  })

  it('go on with what came live, and say nothing twice', () => {
    const told = series({ readings: [reading(3540, 70)] })
    const live = [3540, 3599, 3660].map((seconds) => ({ at: BEGIN + seconds, value: 99 }))
    expect(columnsOf(told, live)[1]).toEqual([70, 99, 99])
  })

  it('hold no artifact, nothing impossible and nothing inexact', () => {
    const told = series({
      readings: [
        reading(0, 1, { status: 'artifact' }),
        reading(1, 349, { flags: ['implausible'] }),
        reading(2, 33, { comparator: '>' }),
        reading(3, 70),
      ],
    })
    expect(columnsOf(told, [])[1]).toEqual([70])
    expect(markedOf(told).map(({ why }) => why)).toEqual(['artifact', 'implausible', 'above'])
  })

  it('dot a value that stands alone among many', () => {
    const many = Array.from({ length: 100 }, (_, n) => reading(n * 10, 70))
    const columns = columnsOf(series({ readings: [...many, reading(3000, 80)] }), [])
    expect(dotted(columns)).toEqual([columns[0].length - 1])
  })
})

describe('the axes', () => {
  it('leave no value and no level outside', () => {
    const columns = columnsOf(series({ readings: [reading(0, 60), reading(60, 180)] }), [])
    const [low, high] = rangeOf(columns, [40])
    expect(low).toBeLessThan(40)
    expect(high).toBeGreaterThan(180)
    expect(rangeOf([[], [], [], []], [])).toEqual([0, 1])
  })

  it('zoom around the middle, down to a minute', () => {
    expect(zoomed({ since: 0, until: 1000 }, 0.5)).toEqual({ since: 250, until: 750 })
    expect(zoomed({ since: 0, until: 60 }, 0.1)).toEqual({ since: 0, until: 60 })
  })

  it('move, but not past now', () => {
    expect(panned({ since: 0, until: 100 }, -0.5, 200)).toEqual({ since: -50, until: 50 })
    expect(panned({ since: 0, until: 100 }, 5, 200)).toEqual({ since: 100, until: 200 })
  })
})

it('a flag stands where an event began as far as that is known', () => {
  const told = { id: 'e', term: 'Headache', is_serious: false }
  expect(flagsOf([{ ...told, onset: '2026-11' }, { ...told, onset: null }, { ...told, onset: '2026-11-26' }]).map((one) => one.at)).toEqual([
    BEGIN,
    Date.parse('2026-11-01T00:00:00Z') / 1000,
  ])
})
