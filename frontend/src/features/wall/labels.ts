/** Values and units for people. */
import type { LiveReading } from '@/api/types'
import type { Code } from './readings'

const UNITS: Record<string, string> = { 'mm[Hg]': 'mmHg', Cel: '°C', 'kg/m2': 'kg/m²', '{score}': '' }
const DECIMALS: Partial<Record<Code, number>> = {
  temperature: 1,
  weight: 1,
  bmi: 1,
  blood_glucose: 1,
  oxygen_flow_rate: 1,
}
const AGES: readonly [string, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** UCUM as people write it. */
export function unitOf(ucum: string): string {
  return UNITS[ucum] ?? ucum
}

export function decimalsOf(code: Code): number {
  return DECIMALS[code] ?? 0
}

/** A number to the code's resolution, in the reader's spelling. */
export function numberOf(value: number, code: Code, language: string): string {
  return formatter(language, {
    minimumFractionDigits: decimalsOf(code),
    maximumFractionDigits: Math.max(decimalsOf(code), Number.isInteger(value) ? 0 : 1),
    useGrouping: false,
  }).format(value)
}

/** A value that is a number, with its comparator; others are told by their words. */
export function valueOf(reading: LiveReading, language: string): string {
  const { value, comparator, code } = reading
  if (typeof value !== 'number') return String(value)
  return `${comparator ?? ''}${numberOf(value, code, language)}`
}

/** How old, in the largest whole unit: "42 min"; null under a minute, which is now. */
export function shortAge(ageMs: number, language: string): string | null {
  const found = AGES.find(([, length]) => ageMs >= length)
  if (found === undefined || !Number.isFinite(ageMs)) return null
  const [unit, length] = found
  return formatter(language, { style: 'unit', unit, unitDisplay: 'short' }).format(Math.floor(ageMs / length))
}

const made = new Map<string, Intl.NumberFormat>()

function formatter(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options)
  let one = made.get(key)
  if (one === undefined) made.set(key, (one = new Intl.NumberFormat(language, options)))
  return one
}
