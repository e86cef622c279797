/** The trials and sites that the person may see. */
import { useQuery } from '@tanstack/vue-query'
import { computed } from 'vue'
import { api, read } from '@/api/client'
import { allPages } from './pagesOf'

const MOST = 500

export function usePlaces() {
  const sites = useQuery({
    queryKey: ['wall', 'sites'],
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        read(
          api.GET('/api/v1/sites/', {
            params: { query: { limit: MOST, ...(cursor && { cursor }) } },
            signal,
          }),
        ),
      ),
    staleTime: 300_000,
  })
  const trials = useQuery({
    queryKey: ['wall', 'trials'],
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        read(
          api.GET('/api/v1/trials/', {
            params: { query: { limit: MOST, ...(cursor && { cursor }) } },
            signal,
          }),
        ),
      ),
    staleTime: 300_000,
  })
  const site = computed(() => new Map(sites.data.value?.map((one) => [one.id, one])))
  const trial = computed(() => new Map(trials.data.value?.map((one) => [one.id, one])))
  /** A site's own clock; UTC where it is not known. */
  const zoneOf = (id: string): string => site.value.get(id)?.time_zone ?? 'UTC'
  return { sites, trials, site, trial, zoneOf }
}
