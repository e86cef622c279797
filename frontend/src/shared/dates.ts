/** Dates and ages for people. Instants are shown by the site's clock; partial dates stay partial. */

/** An instant in a zone; `zone` is IANA's name. For a hover: `withZone`. */
export function siteTime(instant: string | number, zone: string, language: string): string {
  return format(instant, language, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone })
}

/** The same to the second, and with the zone in words. */
export function withZone(instant: string | number, zone: string, language: string): string {
  const full: Intl.DateTimeFormatOptions = {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZone: zone,
    timeZoneName: 'long',
  }
  return format(instant, language, full)
}

export function timeOfDay(instant: string | number, zone: string, language: string): string {
  return format(instant, language, { timeStyle: 'short', timeZone: zone })
}

/**
 * A clinical date as far as it is known: `2013`, `2013-05`, `2013-05-17` or a full instant. No day is
 * made up; a time that names no offset is shown as written, since no zone may be guessed for it.
 */
export function partialDate(text: string, zone: string, language: string): string {
  const [, year, month, day, time, offset] =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T([\d:.]+)(Z|[+-]\d\d:?\d\d)?)?)?)?$/.exec(text) ?? []
  if (year === undefined) return text
  if (time !== undefined && offset !== undefined) return siteTime(text, zone, language)
  const shown: Intl.DateTimeFormatOptions = { year: 'numeric', timeZone: 'UTC' }
  if (month !== undefined) shown.month = 'short'
  if (day !== undefined) shown.day = 'numeric'
  const date = Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1))
  const words = format(date, language, shown)
  return time === undefined ? words : `${words} ${time.slice(0, 5)}`
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
]

/** How long ago, in the largest whole unit: "12 min. ago"; less than a second is "now". */
export function ageInWords(ageMs: number, language: string): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' })
  const size = Math.abs(ageMs)
  const [unit, length] = STEPS.find(([, ms]) => size >= ms) ?? ['second', 1_000]
  const count = Math.trunc(size / length)
  return words.format(count === 0 ? 0 : ageMs > 0 ? -count : count, unit)
}

/** A span as minutes and seconds, for a countdown: `1:05`. */
export function countdown(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const made = new Map<string, Intl.DateTimeFormat>()

function format(
  instant: string | number,
  language: string,
  options: Intl.DateTimeFormatOptions,
): string {
  const key = language + JSON.stringify(options)
  let one = made.get(key)
  if (one === undefined) made.set(key, (one = new Intl.DateTimeFormat(language, options)))
  return one.format(typeof instant === 'number' ? instant : Date.parse(instant))
}
