import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { LiveReading, WallTile } from '@/api/types'
import { byFlow, flowPasses } from './flow'
import { numberOf, shortAge, unitOf, valueOf } from './labels'
import { LiveTiles } from './liveTiles'
import { alertsAt, NO_ALERTS, tileOf, withReading, withUpdates, type Tile } from './readings'
import { byRisk, keptOrder, passes, type Filters } from './risk'
import { flowOf, isStale, news2State } from './staleness'
import { pathOf, trendOf, withValue } from './trends'

const NOW = Date.parse('2026-11-26T12:00:00Z')
const ALL: Filters = { search: '', site: '', hasAlert: false, isStale: false, bands: [] }

function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString()
}

function reading(about: Partial<LiveReading> = {}): LiveReading {
  const value = about.value ?? 72
  return {
    reading: 'r1',
    version: 1,
    status: 'final',
    patient: 'p1',
    subject_number: '01-001',
    code: 'heart_rate',
    value,
    unit: '/min',
    measured_at: ago(60),
    received_at: ago(50),
    late: false,
    min: value,
    max: value,
    n: 1,
    fresh_for_seconds: 900,
    flags: [],
    ...about,
  }
}

function told(about: Partial<WallTile> = {}): WallTile {
  return {
    id: 'p1',
    patient: 'p1',
    subject_number: '01-001',
    trial: 't1',
    site: 's1',
    participation: 'enrolled',
    last_received_at: ago(50),
    server_time: ago(0),
    vitals: [],
    news2: null,
    news2_eligibility: 'eligible',
    alerts: NO_ALERTS,
    untold: [],
    ...about,
  }
}

function news2(about: Partial<NonNullable<Tile['news2']>> = {}): NonNullable<Tile['news2']> {
  return {
    score: 7,
    band: 'high',
    complete: true,
    missing: [],
    set: 'o1',
    expires_at: ago(-600),
    algorithm: 'news2 1.0',
    ...about,
  }
}

describe('a reading', () => {
  it('gives way to one that was measured later, whatever its position', () => {
    const first = withReading({}, reading({ position: 'sitting' }))
    const later = reading({ reading: 'r2', measured_at: ago(10), value: 90, position: 'standing' })
    expect(withReading(first, later).heart_rate?.value).toBe(90)
  })

  it('that comes late displaces nothing newer', () => {
    const first = withReading({}, reading())
    expect(withReading(first, reading({ reading: 'r2', measured_at: ago(9000), late: true }))).toBe(first)
  })

  it('is replaced by its correction, and not by an older version of it', () => {
    const corrected = withReading({}, reading({ version: 2, value: 27, status: 'corrected' }))
    expect(withReading(withReading({}, reading()), reading({ version: 2, value: 27 })).heart_rate?.value).toBe(27)
    expect(withReading(corrected, reading()).heart_rate?.value).toBe(27)
  })

  it('that was withdrawn says so until another comes', () => {
    const gone = withReading(withReading({}, reading()), reading({ version: 2, status: 'entered_in_error' }))
    expect(gone.heart_rate?.status).toBe('entered_in_error')
    expect(withReading(gone, reading({ reading: 'r0', measured_at: ago(7200) })).heart_rate?.reading).toBe('r0')
  })

  it('that was never shown is not shown as withdrawn', () => {
    const shown = withReading({}, reading())
    expect(withReading(shown, reading({ reading: 'r9', status: 'entered_in_error' }))).toBe(shown)
  })
})

describe('a tile', () => {
  it('keeps what came over the socket after the portal had told', () => {
    const live = withUpdates(tileOf(told({ vitals: [reading()] })), [
      reading({ reading: 'r2', measured_at: ago(1), received_at: ago(1), value: 99 }),
    ])
    expect(live.flashing).toEqual(['heart_rate'])
    const again = tileOf(told({ vitals: [reading()], server_time: ago(20) }), live)
    expect(again.vitals.heart_rate?.value).toBe(99)
    expect(again.flashing).toEqual([])
  })

  it('forgets what the portal no longer tells', () => {
    const live = tileOf(told({ vitals: [reading()] }))
    expect(tileOf(told(), live).vitals).toEqual({})
  })

  it('takes the NEWS2 that comes with a reading', () => {
    const tile = withUpdates(tileOf(told()), [{ ...reading(), news2: news2() }])
    expect(tile.news2?.score).toBe(7)
  })

  it('keeps NEWS2 and alerts that were told after the portal had answered', () => {
    const tiles = new LiveTiles(() => undefined)
    tiles.take([told()])
    tiles.takeAlerts({ patient: 'p1', alerts: { ...NO_ALERTS, open: 1, unacknowledged: 1 } }, NOW + 1000)
    const [before] = tiles.all()
    const live = withUpdates(before!, [{ ...reading(), news2: news2(), sent_at: ago(-1) }])
    expect([tileOf(told(), live).news2?.score, tileOf(told(), live).alerts.open]).toEqual([7, 1])
    const later = told({ server_time: ago(-2) })
    expect([tileOf(later, live).news2, tileOf(later, live).alerts.open]).toEqual([null, 0])
  })

  it('has no alerts once a snapshot of alerts does not name it', () => {
    const tiles = new LiveTiles(() => undefined)
    tiles.take([told({ alerts: { ...NO_ALERTS, open: 2 } }), told({ patient: 'p2' })])
    tiles.takeAlertSnapshot([{ patient: 'p2', alerts: { ...NO_ALERTS, open: 1 } }], [], NOW)
    expect(tiles.all().map((one) => one.alerts.open)).toEqual([0, 1])
  })

  it('shows nothing older where the latest of a code cannot be told, until something comes', () => {
    const tiles = new LiveTiles(() => undefined)
    const stood = [reading({ code: 'spo2', reading: 'r2' }), reading()]
    tiles.take([told({ vitals: stood }), told({ patient: 'p2', vitals: stood })])
    tiles.takeSnapshot(stood.slice(0, 1), [{ patient: 'p1', code: 'heart_rate' }])
    const [first, second] = tiles.all()
    expect([Object.keys(first!.vitals), first!.untold]).toEqual([['spo2'], ['heart_rate']])
    expect([Object.keys(second!.vitals), second!.untold]).toEqual([['spo2', 'heart_rate'], []])
    expect(withUpdates(first!, [reading({ reading: 'r3' })]).vitals.heart_rate?.reading).toBe('r3')
    tiles.takeSnapshot(stood, [])
    expect(tiles.all()[0]!.untold).toEqual([])
  })

  it('of whom something cannot be told stands where one with an open alert stands, until they are told', () => {
    const tiles = new LiveTiles(() => undefined)
    tiles.take([told(), told({ patient: 'p2', subject_number: '01-002', alerts: null, untold: ['alerts'] })])
    expect(byRisk(tiles.all(), NOW).map(({ id }) => id)).toEqual(['p2', 'p1'])
    expect(tiles.all().map((one) => passes(one, { ...ALL, hasAlert: true }, NOW))).toEqual([false, true])
    const unreadable = told({ patient: 'p2', subject_number: '01-002', untold: ['heart_rate'] })
    expect(byRisk([tileOf(told()), tileOf(unreadable)], NOW).map(({ id }) => id)).toEqual(['p2', 'p1'])
    tiles.takeAlertSnapshot([], [{ patient: 'p1' }], NOW)
    expect(tiles.all().map((one) => one.untold)).toEqual([['alerts'], []])
    tiles.takeAlerts({ patient: 'p1', alerts: NO_ALERTS }, NOW)
    expect(tiles.all().map((one) => one.untold)).toEqual([[], []])
  })

  it('is overdue when the time has come, without another word', () => {
    const alerts = { ...NO_ALERTS, open: 1, unacknowledged: 1, next_due_at: ago(0) }
    expect([alertsAt(alerts, NOW).overdue, alertsAt(alerts, NOW + 1).overdue]).toEqual([0, 1])
  })

  it('does not flash for a value that is the same', () => {
    const tile = withUpdates(tileOf(told({ vitals: [reading()] })), [reading({ reading: 'r2', measured_at: ago(1) })])
    expect(tile.flashing).toEqual([])
  })
})

describe('staleness', () => {
  it('begins after the time that the site has set for the code', () => {
    expect(isStale(reading({ measured_at: ago(900) }), NOW)).toBe(false)
    expect(isStale(reading({ measured_at: ago(901) }), NOW)).toBe(true)
    expect(isStale(reading({ measured_at: null }), NOW)).toBe(true)
  })

  it('takes the color of NEWS2 with it', () => {
    expect(news2State(tileOf(told({ news2: news2() })), NOW)).toBe('high')
    expect(news2State(tileOf(told({ news2: news2({ expires_at: ago(0) }) })), NOW)).toBe('expired')
    const old = told({ news2: news2(), vitals: [reading({ measured_at: ago(1000) })] })
    expect(news2State(tileOf(old), NOW)).toBe('expired')
  })

  it('leaves an incomplete score without a band', () => {
    const some = news2({ score: null, band: null, complete: false, missing: ['spo2'] })
    expect(news2State(tileOf(told({ news2: some })), NOW)).toBe('incomplete')
    expect(news2State(tileOf(told({ news2: news2({ score: 0, band: 'low' }) })), NOW)).toBe('zero')
    expect(news2State(tileOf(told()), NOW)).toBe('none')
  })

  it('tells silence of the last day from silence for longer', () => {
    const of = (seconds: number): string => flowOf(tileOf(told({ vitals: [reading({ measured_at: ago(seconds) })] })), NOW)
    expect([of(60), of(3600), of(90_000)]).toEqual(['fresh', 'silent', 'old'])
    expect(flowOf(tileOf(told()), NOW)).toBe('old')
  })
})

describe('the order', () => {
  const tile = (subject: string, about: Partial<WallTile>): Tile =>
    tileOf(told({ patient: subject, subject_number: subject, ...about }))

  it('is overdue alerts, band, open alerts, silence, subject', () => {
    const tiles = [
      tile('g', { vitals: [reading({ measured_at: ago(90_000) })] }),
      tile('f', { vitals: [reading()] }),
      tile('e', { vitals: [reading({ measured_at: ago(3600) })] }),
      tile('d', { alerts: { ...NO_ALERTS, open: 1 } }),
      tile('c', { alerts: { ...NO_ALERTS, open: 1, unacknowledged: 1 } }),
      tile('b', { news2: news2({ score: 5, band: 'medium' }) }),
      tile('a', { news2: news2() }),
      tile('z', { alerts: { ...NO_ALERTS, open: 1, unacknowledged: 1, overdue: 1 } }),
    ]
    expect(byRisk(tiles, NOW).map((one) => one.subject).join('')).toBe('zabcdefg')
  })

  it('that is held loses who left and puts who came at the end', () => {
    expect(keptOrder(['a', 'b', 'c'], ['d', 'c', 'a'])).toEqual(['a', 'c', 'd'])
  })

  it('holds only who passes the filters', () => {
    const one = tile('01-007', { news2: news2(), vitals: [reading()] })
    expect(passes(one, { ...ALL, search: '007', site: 's1', bands: ['high'] }, NOW)).toBe(true)
    for (const wrong of [{ search: '8' }, { site: 's2' }, { hasAlert: true }, { isStale: true }, { bands: ['low'] }]) {
      expect(passes(one, { ...ALL, ...wrong }, NOW)).toBe(false)
    }
  })

  it('of data flow begins with what is held back', () => {
    const row = (subject: string, about: object) => ({
      ...told(),
      subject_number: subject,
      missing_days: 0,
      late_reports: 0,
      open_findings: 0,
      quarantined: 0,
      untold: [],
      ...about,
    })
    const rows = [row('c', {}), row('b', { open_findings: 2 }), row('a', { quarantined: 1 }), row('0', { last_received_at: null })]
    expect(byFlow(rows).map((one) => one.subject_number).join('')).toBe('ab0c')
    expect(rows.filter((one) => flowPasses(one, { ...ALL, hasAlert: true }, NOW))).toHaveLength(2)
    expect(rows.filter((one) => flowPasses(one, { ...ALL, isStale: true }, NOW))).toHaveLength(1)
  })
})

describe('words', () => {
  it('of units are those that people write', () => {
    expect([unitOf('mm[Hg]'), unitOf('Cel'), unitOf('/min')]).toEqual(['mmHg', '°C', '/min'])
  })

  it('of numbers keep the resolution of the code', () => {
    expect(numberOf(37, 'temperature', 'en')).toBe('37.0')
    expect(numberOf(71.26, 'heart_rate', 'en')).toBe('71.3')
    expect(valueOf(reading({ comparator: '>', value: 33.3, code: 'blood_glucose' }), 'en')).toBe('>33.3')
  })

  it('of an age are whole units, and none under a minute', () => {
    expect(shortAge(42 * 60_000 + 59_000, 'en')).toBe('42 min')
    expect(shortAge(42 * 60_000, 'zh-Hans')).toBe('42分钟')
    expect(shortAge(59_000, 'en')).toBeNull()
  })
})

describe('a trend', () => {
  const span = { since: ago(6000), until: ago(0), buckets: [] }
  const point = (seconds: number, value: number, about: object = {}) => ({
    at: ago(seconds),
    value,
    status: 'final',
    flags: [],
    ...about,
  })

  it('draws a gap as a gap and a single point as a dot', () => {
    const trend = trendOf({ ...span, readings: [point(6000, 60), point(5700, 70), point(60, 80)] })
    expect(pathOf(trend)).toBe('M0.0 22.0h0L5.0 12.0M99.0 2.0h0')
  })

  it('leaves out what no body can have', () => {
    const trend = trendOf({ ...span, readings: [point(9, 349, { flags: ['implausible'] }), point(5, 1, { status: 'artifact' })] })
    expect(trend.points).toEqual([])
  })

  it('moves on with what comes', () => {
    const trend = trendOf({ ...span, readings: [point(6000, 60), point(100, 70)] })
    expect(withValue(trend, NOW - 99_000, 90)).toBe(trend)
    expect(withValue(trend, NOW + 60_000, 90).points.map(([, value]) => value)).toEqual([70, 90])
  })
})

describe('live tiles', () => {
  let frames: FrameRequestCallback[]
  beforeEach(() => {
    frames = []
    vi.stubGlobal('requestAnimationFrame', (call: FrameRequestCallback) => frames.push(call))
    vi.stubGlobal('cancelAnimationFrame', () => undefined)
  })
  const run = (now: number): void => {
    for (const frame of frames.splice(0)) frame(now)
  }

  it('draw a batch once a frame, and only of who is seen', () => {
    const tiles = new LiveTiles(() => undefined)
    tiles.take([told(), told({ id: 'p2', patient: 'p2' })])
    tiles.see('p1', true)
    for (const value of [80, 81]) {
      tiles.takeUpdate(reading({ reading: `r${value}`, measured_at: ago(1), value }))
      tiles.takeUpdate(reading({ reading: `q${value}`, patient: 'p2', measured_at: ago(1), value }))
    }
    expect(frames).toHaveLength(1)
    run(1000)
    expect(tiles.drawn.get('p1')?.value.vitals.heart_rate?.value).toBe(81)
    expect(tiles.drawn.get('p1')?.value.flashing).toEqual(['heart_rate'])
    expect(tiles.drawn.get('p2')?.value.vitals).toEqual({})
    tiles.see('p2', true)
    expect(tiles.drawn.get('p2')?.value.vitals.heart_rate?.value).toBe(81)
    run(1700)
    expect(tiles.drawn.get('p1')?.value.flashing).toEqual([])
  })

  it('ask for the tiles again when a reading was withdrawn', () => {
    const again = vi.fn()
    new LiveTiles(again).takeUpdate(reading({ status: 'entered_in_error' }))
    expect(again).toHaveBeenCalledOnce()
  })
})
