/** Adverse events as flags on the time axis. Pure. */
export interface Flag {
  id: string
  /** Seconds; of a date that is known in part, its first instant. */
  at: number
  onset: string
  term: string
  isSerious: boolean
}

interface Told {
  id: string
  onset: string | null
  term: string
  is_serious: boolean
}

export function flagsOf(events: readonly Told[]): Flag[] {
  return events
    .flatMap(({ id, onset, term, is_serious: isSerious }) => {
      const at = onset === null ? NaN : Date.parse(onset) / 1000
      return onset === null || Number.isNaN(at) ? [] : [{ id, at, onset, term, isSerious }]
    })
    .sort((a, b) => b.at - a.at)
}
