/** Who is signed in in this browser, and why nobody is. The only state that Pinia holds. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { api, read } from '@/api/client'
import { ApiProblem, asProblem, type Problem } from '@/api/problems'
import * as tokens from '@/api/tokens'
import type { Me } from '@/api/types'
import { forgetPerson, hasBeenIdle, noteActivity, remembersPerson } from './memory'

type Phase = 'starting' | 'anonymous' | 'signed_in' | 'unreachable'

export const useSession = defineStore('session', () => {
  const phase = ref<Phase>('starting')
  const me = shallowRef<Me | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const endedBecause = ref<tokens.Ending | null>(null)
  const isSignedIn = computed(() => phase.value === 'signed_in')

  tokens.onEnded((why) => {
    if (phase.value === 'anonymous') return
    me.value = null
    endedBecause.value = why
    phase.value = 'anonymous'
    if (why !== 'other_person') forgetPerson()
  })
  tokens.onArrival(() => {
    if (phase.value === 'anonymous') void enter()
  })

  /** Take up the session that this browser has, silently; without one there is somebody to ask. */
  async function start(): Promise<void> {
    problem.value = null
    if (!remembersPerson()) {
      phase.value = 'anonymous'
      return
    }
    if (!hasBeenIdle()) return enter()
    try {
      await tokens.refresh()
    } catch {
      // The session is gone, or out of reach: either way nobody enters by it.
    }
    await leave('idle')
  }

  async function signIn(username: string, password: string): Promise<void> {
    const body = { username, password }
    const params = { header: { 'X-Refresh-Transport': 'cookie' as const } }
    tokens.keep(tokens.accessOf(await read(api.POST('/api/v1/auth/token/', { body, params }))))
    noteActivity()
    await enter()
  }

  /** End the session at the portal and in every tab; without a network, here alone. */
  async function leave(why: 'signed_out' | 'idle'): Promise<void> {
    try {
      if (tokens.hasToken()) await api.POST('/api/v1/auth/logout/')
    } catch (error) {
      asProblem(error)
    }
    forgetPerson()
    tokens.end(why)
    endedBecause.value = why
    phase.value = 'anonymous'
  }

  /** End every session of this person, phones included. Throws ApiProblem, Unreachable. */
  async function signOutEverywhere(): Promise<void> {
    await api.POST('/api/v1/auth/sessions/end-all/')
    forgetPerson()
    tokens.end('signed_out')
  }

  async function enter(): Promise<void> {
    try {
      me.value = await read(api.GET('/api/v1/auth/me/'))
      endedBecause.value = null
      phase.value = 'signed_in'
    } catch (error) {
      problem.value = asProblem(error)
      const isRefused = error instanceof ApiProblem && [400, 401, 403].includes(error.status)
      phase.value = isRefused ? 'anonymous' : 'unreachable'
    }
  }

  /** Read again what the person may do. */
  async function reload(): Promise<void> {
    me.value = await read(api.GET('/api/v1/auth/me/'))
  }

  return { phase, me, problem, endedBecause, isSignedIn, start, signIn, leave, signOutEverywhere, reload }
})
