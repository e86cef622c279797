/** What the signed-in person may do, as the portal told it: for showing and hiding, never for safety. */
import { computed } from 'vue'
import type { Permissions } from '@/api/types'
import { useSession } from './store'

export interface Place {
  trial?: string
  site?: string
  patient?: string
}

/** Whether a permission is held at a place, or anywhere when none is named. */
export function holds(permissions: Permissions, permission: string, place?: Place): boolean {
  if (permissions.portal.includes(permission)) return true
  const levels = [
    [permissions.trials, place?.trial],
    [permissions.sites, place?.site],
    [permissions.patients, place?.patient],
  ] as const
  return levels.some(([held, id]) =>
    held.some((one) => (place === undefined || one.id === id) && one.permissions.includes(permission)),
  )
}

/** Whether the desk lets the person in: patients and those who care for them have no place there. */
export function useOpensDesk() {
  const may = useMayI()
  return computed(() => may('trial:view'))
}

export function useMayI() {
  const session = useSession()
  return (permission: string, place?: Place): boolean =>
    session.me !== null && holds(session.me.permissions, permission, place)
}
