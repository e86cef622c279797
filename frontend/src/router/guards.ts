import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { useSession } from '@/session/store'

/** Ask who it is before anything that is not public; afterwards they come back here. */
export async function guard(to: RouteLocationNormalized): Promise<RouteLocationRaw | true> {
  const session = useSession()
  if (session.phase === 'starting') await session.start()
  if (session.phase === 'anonymous' && !to.meta.isPublic) {
    return { name: 'sign-in', query: to.path === '/' ? {} : { next: to.fullPath } }
  }
  if (session.isSignedIn && to.name === 'sign-in') return nextOf(to.query['next'])
  return true
}

/** Where to go after signing in: a page of ours, whatever the address says. */
export function nextOf(next: unknown): string {
  const isOurs = typeof next === 'string' && /^\/(?![/\\])/.test(next) && !next.startsWith('/sign-in')
  return isOurs ? next : '/'
}
