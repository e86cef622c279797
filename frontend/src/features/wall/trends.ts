/** The course of one vital sign as a small line. Pure. */
export interface Trend {
  since: number
  until: number
  points: readonly (readonly [at: number, value: number])[]
}

const WIDTH = 100
const HEIGHT = 24
const PAD = 2
/** Where so much of the span holds nothing there is a gap. */
const GAP = 0.12

interface Told {
  since: string
  until: string
  readings: readonly { at: string; value: number; status: string; flags: readonly string[] }[]
  buckets: readonly { at: string; mean: number | null }[]
}

/** What the portal told of a span; artifacts and what no body can have are left out of a small line. */
export function trendOf(told: Told): Trend {
  const readings = told.readings
    .filter((one) => one.status !== 'artifact' && !one.flags.includes('implausible'))
    .map(({ at, value }) => [Date.parse(at), value] as const)
  const buckets = told.buckets.flatMap(({ at, mean }) => (mean === null ? [] : [[Date.parse(at), mean] as const]))
  const points = readings.length > 0 ? readings : buckets
  return { since: Date.parse(told.since), until: Date.parse(told.until), points }
}

/** The trend with one more value; one that falls into the last point's stretch changes nothing. */
export function withValue(trend: Trend, at: number, value: number): Trend {
  const length = trend.until - trend.since
  const last = trend.points.at(-1)
  if (last !== undefined && at - last[0] < length / 120) return trend
  const until = Math.max(trend.until, at)
  const since = until - length
  return { since, until, points: [...trend.points.filter(([when]) => when >= since), [at, value]] }
}

/** The path in a box of 100 by 24, at least `leastRange` high: gaps are gaps, and a point alone is a dot. */
export function pathOf({ since, until, points }: Trend, leastRange = 1): string {
  const values = points.map(([, value]) => value)
  const spread = Math.max(...values) - Math.min(...values)
  const range = Math.max(spread, leastRange)
  const low = Math.min(...values) - (range - spread) / 2
  let before = -Infinity
  return points
    .map(([at, value]) => {
      const x = ((at - since) / (until - since)) * WIDTH
      const y = HEIGHT - PAD - ((value - low) / range) * (HEIGHT - 2 * PAD)
      const isApart = x - before > GAP * WIDTH
      before = x
      const place = `${x.toFixed(1)} ${y.toFixed(1)}`
      return isApart ? `M${place}h0` : `L${place}`
    })
    .join('')
}
