/** How the signed-in person is told, and who stands in for them. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/vue-query'
import { api, changeHeaders, read, readWithVersion } from '@/api/client'
import type { Absence, PreferenceForm, PushSubscription } from '@/api/types'

const PREFERENCES = ['notice-preferences'] as const
const ABSENCES = ['absences'] as const
export const BROWSERS = ['push-subscriptions'] as const
type Changing = { 'If-Match': string }

export function usePreferences() {
  return useQuery({
    queryKey: PREFERENCES,
    queryFn: ({ signal }) => readWithVersion(api.GET('/api/v1/notification-preferences/', { signal })),
    // What is being typed is not written over.
    refetchOnWindowFocus: false,
  })
}

export function useSavePreferences() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ wishes, ifMatch }: { wishes: PreferenceForm; ifMatch: string }) =>
      readWithVersion(
        api.PUT('/api/v1/notification-preferences/', {
          params: { header: { 'If-Match': ifMatch } },
          body: wishes,
        }),
      ),
    onSuccess: (saved) => client.setQueryData(PREFERENCES, saved),
  })
}

export function useAbsences() {
  return useQuery({
    queryKey: ABSENCES,
    queryFn: ({ signal }) => read(api.GET('/api/v1/absences/', { params: { query: { limit: 100 } }, signal })),
  })
}

export interface GoingAway {
  deputy: string
  from: string
  until: string
  /** Made once for each act, so that a repeat is none. */
  headers: Record<string, string>
}

export function useGoAway() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ deputy, from, until, headers }: GoingAway) =>
      read(
        api.POST('/api/v1/absences/', {
          params: { header: headers },
          body: { deputy_username: deputy, from_at: from, to_at: until },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ABSENCES }),
  })
}

export function useComeBack() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (absence: Absence) =>
      read(
        api.POST('/api/v1/absences/{id}/end/', {
          params: { path: { id: absence.id }, header: changeHeaders({ ifMatch: absence.version }) as Changing },
          body: {},
        }),
      ),
    // Somebody else may have changed it: what is shown is read again either way.
    onSettled: () => client.invalidateQueries({ queryKey: ABSENCES }),
  })
}

export function useBrowsers() {
  return useQuery({
    queryKey: BROWSERS,
    queryFn: ({ signal }) =>
      read(api.GET('/api/v1/push-subscriptions/', { params: { query: { limit: 100 } }, signal })),
  })
}

export function useForgetBrowser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (browser: PushSubscription) =>
      read(
        api.DELETE('/api/v1/push-subscriptions/{id}/', {
          params: { path: { id: browser.id }, header: changeHeaders({ ifMatch: browser.version }) as Changing },
        }),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: BROWSERS }),
  })
}
