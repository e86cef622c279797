/** From what the portal tells of a span to the columns of a chart. Pure. Times are seconds. */
import type { Series } from '@/api/types'

export interface Span {
  since: number
  until: number
}

export interface LivePoint {
  at: number
  value: number
}

type Cell = number | null
/** x, mean or value, min, max. Null is a gap: nothing is drawn across it. */
export type Columns = [number[], Cell[], Cell[], Cell[]]

/** What is no exact, possible value of a body; shown beside the line and never part of it. */
export interface Marked {
  at: number
  value: number
  why: 'artifact' | 'implausible' | 'below' | 'above'
}

// A pause of so many usual distances between readings is a gap, if it is wide enough to be seen.
const PAUSE = 4
const SEEN_FROM = 1 / 30

export function columnsOf(series: Series, live: readonly LivePoint[]): Columns {
  const width = series.bucket_seconds
  const rows: [number, Cell, Cell, Cell][] = []
  const end = seconds(series.until)
  if (width === null) {
    for (const one of series.readings) {
      if (whyMarked(one) === null) rows.push([seconds(one.at), one.value, one.value, one.value])
    }
  } else {
    for (const { at, mean, min, max } of series.buckets) {
      if (mean !== null) rows.push([Math.min(seconds(at) + width / 2, end), mean, min, max])
    }
  }
  const last = rows.at(-1)?.[0] ?? -Infinity
  // A bucket that is told already holds what came before the portal was asked.
  const since = width === null ? last : Math.max(last, end)
  const newer = live.filter(({ at }) => at > since)
  for (const { at, value } of newer) rows.push([at, value, value, value])
  return withGaps(rows, pauseOf(rows, series))
}

export function markedOf(series: Series): Marked[] {
  return series.readings.flatMap((one) => {
    const why = whyMarked(one)
    return why === null ? [] : [{ at: seconds(one.at), value: one.value, why }]
  })
}

/** Which values get a dot: all where they are few, else those with a gap on both sides. */
export function dotted([x, mean]: Columns): number[] {
  const isFew = x.length < 80
  return x.flatMap((_, n) => {
    const isAlone = (mean[n - 1] ?? null) === null && (mean[n + 1] ?? null) === null
    return mean[n] !== null && (isFew || isAlone) ? [n] : []
  })
}

/** How many of the span's values count for no line, in buckets. */
export function markedCount(series: Series): number {
  return series.buckets.reduce((sum, { marked }) => sum + marked, 0) + markedOf(series).length
}

/** The y axis: every value of the line, every level, and a margin. */
export function rangeOf(columns: Columns, levels: readonly number[]): [number, number] {
  const values = [...columns[2], ...columns[3]].filter((value) => value !== null)
  const all = [...values, ...levels]
  if (all.length === 0) return [0, 1]
  const low = Math.min(...all)
  const high = Math.max(...all)
  const margin = Math.max((high - low) * 0.08, 0.5)
  return [low - margin, high + margin]
}

/** The span after a zoom around its middle, never shorter than a minute or longer than two years. */
export function zoomed({ since, until }: Span, factor: number): Span {
  const length = Math.min(Math.max((until - since) * factor, 60), 2 * 31_622_400)
  const middle = (since + until) / 2
  return { since: middle - length / 2, until: middle + length / 2 }
}

/** The span moved by a share of itself, not past now. */
export function panned({ since, until }: Span, share: number, now: number): Span {
  const length = until - since
  const end = Math.min(until + share * length, now)
  return { since: end - length, until: end }
}

function whyMarked(one: Series['readings'][number]): Marked['why'] | null {
  if (one.status === 'artifact') return 'artifact'
  if (one.flags.includes('implausible')) return 'implausible'
  if (one.comparator === '<') return 'below'
  return one.comparator === '>' ? 'above' : null
}

function pauseOf(rows: readonly [number, Cell, Cell, Cell][], series: Series): number {
  if (series.bucket_seconds !== null) return series.bucket_seconds * 1.5
  const steps = rows.slice(1).map((row, n) => row[0] - (rows[n]?.[0] ?? row[0]))
  const middle = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0
  return Math.max(middle * PAUSE, (seconds(series.until) - seconds(series.since)) * SEEN_FROM)
}

function withGaps(rows: readonly [number, Cell, Cell, Cell][], pause: number): Columns {
  const columns: Columns = [[], [], [], []]
  let before = Infinity
  for (const [at, value, min, max] of rows) {
    if (at - before > pause) push(columns, (before + at) / 2, null, null, null)
    push(columns, at, value, min, max)
    before = at
  }
  return columns
}

function push(columns: Columns, at: number, value: Cell, min: Cell, max: Cell): void {
  columns[0].push(at)
  columns[1].push(value)
  columns[2].push(min)
  columns[3].push(max)
}

function seconds(instant: string): number {
  return Date.parse(instant) / 1000
}
