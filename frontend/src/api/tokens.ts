/**
 * The access token of this browser: in memory only, and the same in every tab.
 *
 * The refresh token is in an HttpOnly cookie that all tabs share and is good for one use: one tab
 * refreshes at a time, and tells the others.
 */
import { noteDateHeader, serverNow } from '@/shared/serverClock'
import { ApiProblem, problemOf, Unreachable } from './problems'
import { noteReached, noteUnreached } from './reach'

export interface Access {
  token: string
  /** By the portal's clock, in milliseconds. */
  expiresAt: number
}

export type Ending = 'signed_out' | 'idle' | 'expired' | 'revoked' | 'other_person'
type Told = { kind: 'access'; access: Access } | { kind: 'ended'; why: Ending }

const REFRESH = '/api/v1/auth/token/refresh/'
const EARLY_MS = 10_000
const channel = new BroadcastChannel('portal.session')
const listeners = new Set<(why: Ending) => void>()
const arrivals = new Set<() => void>()
let access: Access | null = null
let pending: Promise<string> | null = null
/** What still asks after the end, on its way off the screen, gets no answer from the network. */
let hasEnded = false

channel.onmessage = ({ data }: MessageEvent<Told>) => {
  if (data.kind === 'ended') forget(data.why)
  else receive(data.access)
}

/** Be told when the session has ended, here or in another tab. */
export function onEnded(listener: (why: Ending) => void): void {
  listeners.add(listener)
}

/** Be told when another tab has signed in while this one had nobody. */
export function onArrival(listener: () => void): void {
  arrivals.add(listener)
}

export function accessOf(body: { access: string; access_expires_at: string }): Access {
  return { token: body.access, expiresAt: Date.parse(body.access_expires_at) }
}

/** Take a token that this tab was given, and share it. */
export function keep(fresh: Access): void {
  access = fresh
  hasEnded = false
  channel.postMessage({ kind: 'access', access: fresh } satisfies Told)
}

/** Forget the token, here and in the other tabs. */
export function end(why: Ending): void {
  channel.postMessage({ kind: 'ended', why } satisfies Told)
  forget(why)
}

export function hasToken(): boolean {
  return access !== null
}

/** Return a token that still counts. Throws ApiProblem (401: sign in again) or Unreachable. */
export async function currentToken(): Promise<string> {
  if (access !== null && access.expiresAt - serverNow() > EARLY_MS) return access.token
  return refresh(access?.token)
}

/** Refresh ahead of need; a failure is told to the next who asks. */
export function renewSoon(): void {
  refresh(access?.token).catch(() => undefined)
}

/** Exchange the cookie for a new token, unless somebody has since `stale` was refused. */
export function refresh(stale?: string): Promise<string> {
  if (hasEnded) return Promise.reject(new ApiProblem(401, 'token_revoked', '', ''))
  pending ??= alone(() => exchange(stale)).finally(() => (pending = null))
  return pending
}

async function exchange(stale: string | undefined): Promise<string> {
  const known = access
  if (known && known.token !== stale && known.expiresAt - serverNow() > EARLY_MS) return known.token
  const response = await fetch(REFRESH, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Refresh-Transport': 'cookie' },
    body: '{}',
  }).catch(() => {
    noteUnreached()
    throw new Unreachable()
  })
  noteReached()
  noteDateHeader(response.headers.get('Date'))
  if (!response.ok) {
    const problem = await problemOf(response)
    // 400: there is no cookie; 401: what it holds has expired or was revoked.
    if (response.status === 400 || response.status === 401) {
      end(problem.code === 'token_revoked' ? 'revoked' : 'expired')
    }
    throw problem
  }
  const fresh = accessOf((await response.json()) as { access: string; access_expires_at: string })
  if (known && personOf(fresh) !== personOf(known)) {
    // Somebody else has signed in in this browser: what is on the screen is not theirs.
    forget('other_person')
    throw new Unreachable()
  }
  keep(fresh)
  return fresh.token
}

function receive(fresh: Access): void {
  if (access === null) {
    access = fresh
    hasEnded = false
    for (const arrived of arrivals) arrived()
  } else if (personOf(fresh) === personOf(access)) {
    if (fresh.expiresAt > access.expiresAt) access = fresh
  } else {
    forget('other_person')
  }
}

function forget(why: Ending): void {
  access = null
  hasEnded = true
  for (const listener of listeners) listener(why)
}

/** Whose token it is, for comparing; nothing is decided by what a token says. */
function personOf({ token }: Access): string {
  const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')
  return String((JSON.parse(atob(payload)) as { sub?: unknown }).sub)
}

/** Let one tab of the browser in at a time; without TLS there are no locks, and 30 s of grace. */
async function alone(work: () => Promise<string>): Promise<string> {
  const locks = navigator.locks as LockManager | null | undefined
  return locks ? locks.request('portal.refresh', work) : work()
}
