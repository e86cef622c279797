/** The tiles of a site or a trial as the portal tells them: with values, or how data flow alone. */
import { useQuery } from '@tanstack/vue-query'
import { computed, type Ref } from 'vue'
import { api, read } from '@/api/client'
import { allPages } from './pagesOf'

export interface Place {
  kind: 'site' | 'trial'
  id: string
}

const MOST = 500
// Readings, NEWS2 and alerts come by the socket; who came, left or was turned on is found like this.
const TILES_EVERY_MS = 300_000
const TILES_WITHOUT_SOCKET_EVERY_MS = 30_000
const FLOW_EVERY_MS = 30_000

export function useTilesQuery(place: Ref<Place>, isWanted: Ref<boolean>, isLive: Ref<boolean>) {
  return useQuery({
    queryKey: computed(() => ['wall', 'tiles', place.value.kind, place.value.id]),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        read(
          api.GET('/api/v1/wall/tiles/', {
            params: { query: { [place.value.kind]: place.value.id, limit: MOST, ...(cursor && { cursor }) } },
            signal,
          }),
        ),
      ),
    enabled: isWanted,
    refetchInterval: () => (isLive.value ? TILES_EVERY_MS : TILES_WITHOUT_SOCKET_EVERY_MS),
    // New objects each time: sharing structure would walk through a megabyte of readings.
    structuralSharing: false,
  })
}

export function useFlowQuery(place: Ref<Place>, isWanted: Ref<boolean>) {
  return useQuery({
    queryKey: computed(() => ['wall', 'flow', place.value.kind, place.value.id]),
    queryFn: ({ signal }) =>
      allPages((cursor) =>
        read(
          api.GET('/api/v1/wall/data-flow/', {
            params: { query: { [place.value.kind]: place.value.id, limit: MOST, ...(cursor && { cursor }) } },
            signal,
          }),
        ),
      ),
    enabled: isWanted,
    refetchInterval: FLOW_EVERY_MS,
  })
}
