import { onScopeDispose, readonly, shallowRef, type Ref } from 'vue'
import { serverNow } from './serverClock'

/** The portal's time, ticking; one timer serves every age on the screen. */
const now = shallowRef(serverNow())
let readers = 0
let timer: ReturnType<typeof setInterval> | undefined

export function useNow(): Readonly<Ref<number>> {
  now.value = serverNow()
  if (readers++ === 0) timer = setInterval(() => (now.value = serverNow()), 1_000)
  onScopeDispose(() => {
    if (--readers === 0) clearInterval(timer)
  })
  return readonly(now)
}
