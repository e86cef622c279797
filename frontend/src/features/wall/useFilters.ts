/** What is shown of a wall, kept in the address, so that a reload or a shared link shows the same. */
import { computed } from 'vue'
import { useRoute, useRouter, type LocationQueryValue } from 'vue-router'
import type { Filters } from './risk'

export const TREND_CODES = ['heart_rate', 'spo2', 'respiratory_rate', 'systolic_bp', 'temperature'] as const
export const TREND_HOURS = [1, 6, 24, 168] as const
export type TrendCode = (typeof TREND_CODES)[number]

type Raw = LocationQueryValue | LocationQueryValue[] | undefined

export function useFilters() {
  const route = useRoute()
  const router = useRouter()

  function set(changes: Record<string, string | undefined>): void {
    const query = { ...route.query, ...changes }
    const kept = Object.fromEntries(Object.entries(query).filter(([, value]) => value))
    void router.replace({ query: kept })
  }
  const filters = computed<Filters>(() => ({
    search: text(route.query['q']),
    site: text(route.query['site']),
    hasAlert: text(route.query['alert']) === '1',
    isStale: text(route.query['stale']) === '1',
    bands: text(route.query['news2']).split(',').filter(Boolean),
  }))
  const isDense = computed(() => text(route.query['dense']) === '1')
  const trendCode = computed<TrendCode>(
    () => TREND_CODES.find((one) => one === text(route.query['trend'])) ?? 'heart_rate',
  )
  const trendHours = computed(
    () => TREND_HOURS.find((one) => String(one) === text(route.query['hours'])) ?? 24,
  )
  const isFiltered = computed(() => {
    const { search, site, hasAlert, isStale, bands } = filters.value
    return search !== '' || site !== '' || hasAlert || isStale || bands.length > 0
  })
  const clear = (): void =>
    set({ q: undefined, site: undefined, alert: undefined, stale: undefined, news2: undefined })
  return { filters, isDense, trendCode, trendHours, isFiltered, set, clear }
}

function text(raw: Raw): string {
  return (Array.isArray(raw) ? raw[0] : raw) ?? ''
}
