/** The notices of the signed-in person that nobody has acknowledged, as they come. */
import { useQuery, useQueryClient } from '@tanstack/vue-query'
import { computed, watch } from 'vue'
import { api, read } from '@/api/client'
import type { Notice } from '@/api/types'
import { useTopic } from '@/live/useTopic'
import { useNow } from '@/shared/useNow'
import { waiting } from '@/shell/title'
import { chime } from './choices'
import { merged, openOnes } from './notices'

export const OPEN = ['notices', 'open'] as const
const PAGE = 500
/** A change that no frame told of (a record moved out of sight) shows at the latest then. */
const LOOK_AGAIN_MS = 120_000

interface Held {
  notices: Notice[]
  /** The last sequence that is known: what comes after it is asked for. */
  last: number
}

async function openNotices(signal: AbortSignal): Promise<Held> {
  // The last number first: what comes while the pages are read is told again, never missed.
  const newest = await read(api.GET('/api/v1/notifications/', { params: { query: { limit: 1 } }, signal }))
  const notices: Notice[] = []
  let cursor: string | undefined
  do {
    const query = { unacknowledged: 'true' as const, limit: PAGE, ...(cursor && { cursor }) }
    const page = await read(api.GET('/api/v1/notifications/', { params: { query }, signal }))
    notices.push(...page.results)
    cursor = (page.next && new URL(page.next).searchParams.get('cursor')) || undefined
  } while (cursor !== undefined)
  return { notices, last: newest.results[0]?.sequence ?? 0 }
}

export function useOpenNotices() {
  return useQuery({
    queryKey: OPEN,
    queryFn: ({ signal }) => openNotices(signal),
    refetchInterval: LOOK_AGAIN_MS,
    refetchOnWindowFocus: true,
  })
}

/** Put notices in what is held, wherever they came from. */
export function usePutNotices() {
  const client = useQueryClient()
  return (told: readonly Notice[]): void => {
    client.setQueryData<Held>(OPEN, (held) =>
      held && {
        notices: merged(held.notices, told),
        last: Math.max(held.last, ...told.map((one) => one.sequence)),
      },
    )
  }
}

/** Listen for as long as somebody is signed in, whatever page is open. */
export function useInboxWatch(): void {
  const query = useOpenNotices()
  const put = usePutNotices()
  const now = useNow()
  useTopic(() => (query.data.value ? 'notifications' : null), {
    after: () => query.data.value?.last ?? 0,
    onUpdate({ sequence, data }) {
      const notice = data as Notice
      const isNew = sequence > (query.data.value?.last ?? 0)
      put([notice])
      if (isNew && notice.acknowledged_at === null) chime(notice.urgency)
    },
    onChange: ({ data }) => put([data as Notice]),
    onResync: () => void query.refetch(),
  })
  const count = computed(() => openOnes(query.data.value?.notices ?? [], now.value).length)
  watch(count, (found) => (waiting.value = found), { immediate: true })
}
