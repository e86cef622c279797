/** Trends of the tiles on the screen, read when they come into view, three at a time. */
import { onScopeDispose, shallowReactive, watch, type Ref } from 'vue'
import { api, read } from '@/api/client'
import { asProblem } from '@/api/problems'
import { serverNow } from '@/shared/serverClock'
import type { LiveUpdate } from './readings'
import { trendOf, withValue, type Trend } from './trends'
import type { TrendCode } from './useFilters'

const AT_ONCE = 3
const POINTS = 60

export function useTrends(code: Ref<TrendCode>, hours: Ref<number>) {
  const trends = shallowReactive(new Map<string, Trend>())
  const asked = new Set<string>()
  const queue: string[] = []
  let running = 0
  let abort = new AbortController()

  watch([code, hours], () => {
    abort.abort()
    abort = new AbortController()
    trends.clear()
    running = 0
    queue.splice(0, queue.length, ...asked)
    next()
  })
  onScopeDispose(() => abort.abort())

  function want(id: string): void {
    if (asked.has(id)) return
    asked.add(id)
    queue.push(id)
    next()
  }

  function next(): void {
    while (running < AT_ONCE && queue.length > 0) {
      const id = queue.shift()
      if (id === undefined) return
      running++
      void load(id, abort.signal)
    }
  }

  async function load(id: string, signal: AbortSignal): Promise<void> {
    const until = serverNow()
    const span = {
      since: new Date(until - hours.value * 3_600_000).toISOString(),
      until: new Date(until).toISOString(),
    }
    try {
      const query = { code: code.value, points: POINTS, ...span }
      const told = await read(
        api.GET('/api/v1/patients/{id}/vitals/series/', { params: { path: { id }, query }, signal }),
      )
      if (!signal.aborted) trends.set(id, trendOf(told))
    } catch (error) {
      // A tile without its small line still says everything that counts.
      if (!signal.aborted) asProblem(error)
    }
    if (signal.aborted) return
    running--
    next()
  }

  /** Lengthen the line of a patient by what has just come. */
  function append(update: LiveUpdate): void {
    const trend = trends.get(update.patient)
    if (trend === undefined || update.code !== code.value || typeof update.value !== 'number') return
    if (update.status === 'entered_in_error' || update.measured_at === null) return
    const longer = withValue(trend, Date.parse(update.measured_at), update.value)
    if (longer !== trend) trends.set(update.patient, longer)
  }

  return { trends, want, append }
}
