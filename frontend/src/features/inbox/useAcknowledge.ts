/** Acknowledge one notice, or several with one comment. */
import { useMutation, useQueryClient } from '@tanstack/vue-query'
import { api, changeHeaders, read } from '@/api/client'
import type { Notice } from '@/api/types'
import { OPEN, usePutNotices } from './useInbox'

export interface Acknowledging {
  notices: readonly Notice[]
  comment: string
  /** Made once for each act, so that a repeat is none. */
  headers: Record<string, string>
}

export function headersFor(notices: readonly Notice[]): Record<string, string> {
  const [only] = notices
  return changeHeaders(notices.length === 1 && only ? { ifMatch: only.version } : {})
}

export function useAcknowledge() {
  const client = useQueryClient()
  const put = usePutNotices()
  return useMutation({
    mutationFn: async ({ notices, comment, headers }: Acknowledging): Promise<Notice[]> => {
      const [only] = notices
      if (notices.length === 1 && only) {
        const path = { id: only.id }
        const call = api.POST('/api/v1/notifications/{id}/acknowledge/', {
          params: { path, header: headers as { 'If-Match': string } },
          body: { comment },
        })
        return [await read(call)]
      }
      const body = { ids: notices.map((one) => one.id), comment }
      const many = api.POST('/api/v1/notifications/acknowledge/', { params: { header: headers }, body })
      return (await read(many)).results
    },
    onSuccess(told) {
      put(told)
      void client.invalidateQueries({ queryKey: ['notices', 'acknowledged'] })
      for (const { id } of told) void client.invalidateQueries({ queryKey: ['notice', id] })
    },
    // Somebody else was faster, or it is gone: what is shown has to be read again.
    onError: () => void client.invalidateQueries({ queryKey: OPEN }),
  })
}
