import { useMayI } from '@/session/useMayI'
import { useInboxWatch } from './useInbox'

/** Runs beside every page of whoever may have notices. */
export function useBackground(): void {
  if (useMayI()('trial:view')) useInboxWatch()
}
