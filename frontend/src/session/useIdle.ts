/** Signs out who has left: all tabs share the time of the last act, and warn together. */
import { computed, onScopeDispose, ref } from 'vue'
import { IDLE_MS, lastActivity, noteActivity } from './memory'
import { useSession } from './store'

const WARNING_MS = 120_000
const EVERY_MS = 5_000
const ACTS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const

export function useIdle() {
  const session = useSession()
  const leftMs = ref(IDLE_MS)
  const isWarning = computed(() => session.isSignedIn && leftMs.value <= WARNING_MS)
  let noted = 0

  function act(): void {
    const now = Date.now()
    // Once warned, moving the mouse is not an answer: the dialog's button is.
    if (!session.isSignedIn || isWarning.value || now - noted < EVERY_MS) return
    noted = now
    noteActivity()
  }

  function look(): void {
    if (!session.isSignedIn) return
    leftMs.value = Math.max(0, lastActivity() + IDLE_MS - Date.now())
    if (leftMs.value === 0) void session.leave('idle')
  }

  function stay(): void {
    noteActivity()
    look()
  }

  const timer = setInterval(look, 1_000)
  for (const name of ACTS) addEventListener(name, act, { passive: true, capture: true })
  // A laptop that was shut counts the time that it slept.
  document.addEventListener('visibilitychange', look)
  onScopeDispose(() => {
    clearInterval(timer)
    for (const name of ACTS) removeEventListener(name, act, { capture: true })
    document.removeEventListener('visibilitychange', look)
  })
  return { isWarning, secondsLeft: computed(() => Math.ceil(leftMs.value / 1000)), stay }
}
