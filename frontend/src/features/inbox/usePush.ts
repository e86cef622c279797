/** Whether this browser is told by web push, and how that is changed. */
import { useMutation, useQueryClient } from '@tanstack/vue-query'
import { computed, onUnmounted, ref } from 'vue'
import { api, changeHeaders, read } from '@/api/client'
import { ask, isSupported, noteRow, permission, rowHere, stateOf, subscribe, unsubscribe, watchPermission } from './push'
import { BROWSERS, useBrowsers } from './useSettings'

type Changing = { 'If-Match': string }

export function usePush() {
  const client = useQueryClient()
  const browsers = useBrowsers()
  const isPossible = isSupported()
  const allowed = ref(permission())
  const here = ref(rowHere())
  const rows = computed(() => browsers.data.value?.results ?? [])
  const state = computed(() =>
    stateOf(
      isPossible,
      allowed.value,
      here.value,
      rows.value.map((row) => row.id),
    ),
  )
  if (isPossible) onUnmounted(watchPermission(() => (allowed.value = permission())))

  function keep(row: string | null): void {
    noteRow(row)
    here.value = row
  }

  const sign = useMutation({
    mutationFn: async () => {
      allowed.value = await ask()
      if (allowed.value !== 'granted') return
      const { key } = await read(api.GET('/api/v1/push-subscriptions/key/'))
      const { endpoint = '', expirationTime = null, keys } = await subscribe(key)
      const made = await read(
        api.POST('/api/v1/push-subscriptions/', {
          params: { header: changeHeaders() },
          body: { endpoint, expirationTime, keys: { p256dh: keys?.['p256dh'] ?? '', auth: keys?.['auth'] ?? '' } },
        }),
      )
      keep(made.id)
    },
    onSettled: () => client.invalidateQueries({ queryKey: BROWSERS }),
  })

  const stop = useMutation({
    mutationFn: async () => {
      const row = rows.value.find((one) => one.id === here.value)
      if (row) {
        await read(
          api.DELETE('/api/v1/push-subscriptions/{id}/', {
            params: { path: { id: row.id }, header: changeHeaders({ ifMatch: row.version }) as Changing },
          }),
        )
      }
      await unsubscribe()
      keep(null)
    },
    onSettled: () => client.invalidateQueries({ queryKey: BROWSERS }),
  })

  return { browsers, state, sign, stop }
}
