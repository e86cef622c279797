/**
 * What this browser remembers between pages: that somebody is signed in, and when they last did
 * something. No token and no name; with neither, opening the portal asks it nothing in vain.
 */
const KEY = 'portal.last-activity'
const app = document.getElementById('app')
export const IDLE_MS = Number(app?.dataset['idleSeconds'] ?? 900) * 1000

export function noteActivity(): void {
  localStorage.setItem(KEY, String(Date.now()))
}

export function lastActivity(): number {
  return Number(localStorage.getItem(KEY) ?? 0)
}

export function remembersPerson(): boolean {
  return localStorage.getItem(KEY) !== null
}

export function forgetPerson(): void {
  localStorage.removeItem(KEY)
}

export function hasBeenIdle(): boolean {
  return Date.now() - lastActivity() >= IDLE_MS
}
