import { describe, expect, it } from 'vitest'
import { ageInWords, countdown, partialDate, siteTime, withZone } from './dates'

const SHANGHAI = 'Asia/Shanghai'

describe('instants', () => {
  it('are shown by the clock of the site', () => {
    expect(siteTime('2026-11-20T23:30:00Z', SHANGHAI, 'en')).toMatch(/Nov 21, 2026, 7:30.AM/)
    expect(siteTime('2026-11-20T23:30:00Z', SHANGHAI, 'zh-Hans')).toBe('2026年11月21日 07:30')
  })

  it('name the zone where it is asked for', () => {
    expect(withZone('2026-11-20T23:30:00Z', SHANGHAI, 'en')).toContain('China Standard Time')
  })
})

describe('partial dates', () => {
  it.each([
    ['2013', '2013'],
    ['2013-05', 'May 2013'],
    ['2013-05-17', 'May 17, 2013'],
  ])('%s shows no more than is known', (text, shown) => {
    expect(partialDate(text, SHANGHAI, 'en')).toBe(shown)
  })

  it('with time and offset are instants', () => {
    expect(partialDate('2013-05-17T22:00:00Z', SHANGHAI, 'en')).toMatch(/May 18, 2013, 6:00.AM/)
  })

  it('without an offset keep the time as written', () => {
    expect(partialDate('2013-05-17T22:00', SHANGHAI, 'en')).toBe('May 17, 2013 22:00')
  })

  it('that are none are shown as they came', () => {
    expect(partialDate('spring', SHANGHAI, 'en')).toBe('spring')
  })
})

describe('ages', () => {
  it.each([
    [400, 'now'],
    [12_400, '12 sec. ago'],
    [12 * 60_000 + 59_000, '12 min. ago'],
    [26 * 3_600_000, 'yesterday'],
    [-90_000, 'in 1 min.'],
  ])('%i ms is %s', (age, words) => {
    expect(ageInWords(age, 'en')).toBe(words)
  })

  it('are told in Chinese too', () => {
    expect(ageInWords(720_000, 'zh-Hans')).toBe('12分钟前')
  })

  it('count down in minutes and seconds', () => {
    expect(countdown(65)).toBe('1:05')
  })
})
