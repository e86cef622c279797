/** What was on the screen of somebody who looked: told in batches, again until it was taken. */
import { onScopeDispose } from 'vue'
import { api, read } from '@/api/client'
import type { Notice } from '@/api/types'
import { serverNow } from '@/shared/serverClock'
import { usePutNotices } from './useInbox'

const LOOKED_AT_MS = 1_000
const MOST = 500

export function useSeen() {
  const put = usePutNotices()
  const seen = new Map<string, Notice>()
  const timers = new Map<Element, ReturnType<typeof setTimeout>>()
  const shown = new Map<Element, Notice>()
  let sending: ReturnType<typeof setTimeout> | undefined

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(timers.get(target))
      if (isIntersecting) timers.set(target, setTimeout(() => look(target), LOOKED_AT_MS))
    }
  })

  function look(target: Element): void {
    const notice = shown.get(target)
    if (notice === undefined || notice.seen_at !== null) return
    // A tab that is not looked at shows it to nobody: looked at again when somebody is back.
    if (document.visibilityState !== 'visible') return void timers.set(target, setTimeout(() => look(target), LOOKED_AT_MS))
    seen.set(notice.id, notice)
    sending ??= setTimeout(() => void send(), LOOKED_AT_MS)
  }

  async function send(): Promise<void> {
    const told = [...seen.values()].slice(0, MOST)
    sending = undefined
    try {
      await read(api.POST('/api/v1/notifications/seen/', { body: { ids: told.map((one) => one.id) } }))
    } catch {
      sending = setTimeout(() => void send(), 10_000)
      return
    }
    const at = new Date(serverNow()).toISOString()
    for (const one of told) seen.delete(one.id)
    put(told.map((one) => ({ ...one, seen_at: at })))
    if (seen.size > 0) sending = setTimeout(() => void send(), LOOKED_AT_MS)
  }

  onScopeDispose(() => {
    observer.disconnect()
    for (const timer of timers.values()) clearTimeout(timer)
    if (sending !== undefined) clearTimeout(sending)
    if (seen.size > 0) void send()
  })

  /** Watch an element for as long as it shows a notice that nobody has seen. */
  return {
    watch(element: Element, notice: Notice): void {
      shown.set(element, notice)
      if (notice.seen_at === null) observer.observe(element)
    },
    forget(element: Element): void {
      observer.unobserve(element)
      clearTimeout(timers.get(element))
      shown.delete(element)
    },
  }
}

export type Seen = ReturnType<typeof useSeen>
