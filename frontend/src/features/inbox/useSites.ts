/** The sites that the person knows, by id: their codes and clocks. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, read } from '@/api/client'
import type { Site } from '@/api/types'

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone

export function useSites() {
  const { data } = useQuery({
    queryKey: ['sites'],
    queryFn: ({ signal }) => read(api.GET('/api/v1/sites/', { params: { query: { limit: 500 } }, signal })),
    staleTime: 300_000,
  })
  const byId = computed(() => new Map<string, Site>((data.value?.results ?? []).map((one) => [one.id, one])))
  return {
    sites: computed(() => [...byId.value.values()].sort((a, b) => a.code.localeCompare(b.code))),
    codeOf: (id: string | null): string => (id && byId.value.get(id)?.code) || '',
    zoneOf: (id: string | null): string => (id && byId.value.get(id)?.time_zone) || HERE,
  }
}
