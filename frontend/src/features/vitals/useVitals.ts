/** A patient's vital signs over a span, the events beside them, and what comes live. */
import { keepPreviousData, useQuery } from '@tanstack/vue-query'
import { computed, shallowReactive, type Ref } from 'vue'
import { api, read } from '@/api/client'
import type { LiveReading, Series } from '@/api/types'
import { useTopic } from '@/live/useTopic'
import type { LivePoint, Span } from './chartData'

export type NumericCode = Series['code']
const MOST_EVENTS = 200
const MOST_LIVE = 4_000

export function usePatient(id: Ref<string>) {
  return useQuery({
    queryKey: computed(() => ['patient', id.value]),
    queryFn: ({ signal }) =>
      read(api.GET('/api/v1/patients/{id}/', { params: { path: { id: id.value } }, signal })),
    staleTime: 60_000,
  })
}

export function useSite(id: Ref<string | undefined>) {
  return useQuery({
    queryKey: computed(() => ['site', id.value]),
    queryFn: ({ signal }) =>
      read(api.GET('/api/v1/sites/{id}/', { params: { path: { id: id.value ?? '' } }, signal })),
    enabled: computed(() => id.value !== undefined),
    staleTime: 300_000,
  })
}

export function useSeries(id: Ref<string>, code: Ref<NumericCode>, span: Ref<Span>, points: Ref<number>) {
  return useQuery({
    queryKey: computed(() => ['series', id.value, code.value, span.value, points.value]),
    queryFn: ({ signal }) => {
      const query = {
        code: code.value,
        since: iso(span.value.since),
        until: iso(span.value.until),
        points: points.value,
      }
      return read(
        api.GET('/api/v1/patients/{id}/vitals/series/', { params: { path: { id: id.value }, query }, signal }),
      )
    },
    placeholderData: keepPreviousData,
    structuralSharing: false,
  })
}

export function useEvents(patient: Ref<string>, isWanted: Ref<boolean>) {
  return useQuery({
    queryKey: computed(() => ['events-of', patient.value]),
    queryFn: async ({ signal }) => {
      const query = { patient: patient.value, limit: MOST_EVENTS }
      const { results } = await read(api.GET('/api/v1/adverse-events/', { params: { query }, signal }))
      return results.filter((one) => !one.is_nullified && one.onset !== null)
    },
    enabled: isWanted,
    staleTime: 60_000,
  })
}

/** What has come over the socket since the page was opened, by code. */
export function useLivePoints(patient: Ref<string>, isWanted: Ref<boolean>, onChanged: () => void) {
  const points = shallowReactive(new Map<string, readonly LivePoint[]>())
  const waiting: LiveReading[] = []
  let frame = 0

  function take(): void {
    frame = 0
    for (const { code, value, measured_at: at } of waiting.splice(0)) {
      if (typeof value !== 'number' || at === null) continue
      const point = { at: Date.parse(at) / 1000, value }
      const known = points.get(code) ?? []
      if (point.at > (known.at(-1)?.at ?? -Infinity)) points.set(code, [...known.slice(-MOST_LIVE), point])
    }
  }

  const topic = useTopic(() => (isWanted.value ? `patient.${patient.value}.vitals` : null), {
    onUpdate: ({ data }) => {
      const reading = data as LiveReading
      if (reading.status !== 'final') {
        points.delete(reading.code)
        onChanged()
      } else if (reading.comparator === undefined && !reading.flags.includes('implausible')) {
        waiting.push(reading)
        if (frame === 0) frame = requestAnimationFrame(take)
      }
    },
    onResync: onChanged,
  })
  return { points, ...topic }
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
