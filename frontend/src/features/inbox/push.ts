/** This browser's own part of web push: its worker, its permission, its subscription. No words, no calls. */

export type PushState = 'unsupported' | 'denied' | 'off' | 'on'

/** The browser's push service does not answer: a closed network, or a browser without one. */
export class NoPushService extends Error {}

const WORKER = '/service-worker.js'
const HERE = 'portal.inbox.push'

export function isSupported(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
}

export function permission(): NotificationPermission {
  return isSupported() ? Notification.permission : 'default'
}

/** `here` is the row that this browser was signed up as, `known` the rows that the portal tells. */
export function stateOf(
  isPossible: boolean,
  allowed: NotificationPermission,
  here: string | null,
  known: readonly string[],
): PushState {
  if (!isPossible) return 'unsupported'
  if (allowed === 'denied') return 'denied'
  return allowed === 'granted' && here !== null && known.includes(here) ? 'on' : 'off'
}

/** Which row of the portal this browser is; kept here, for the portal tells nobody the address. */
export function rowHere(): string | null {
  return localStorage.getItem(HERE)
}

export function noteRow(id: string | null): void {
  if (id === null) localStorage.removeItem(HERE)
  else localStorage.setItem(HERE, id)
}

/** Ask the reader; browsers want this to follow a press of theirs at once. */
export function ask(): Promise<NotificationPermission> {
  return Notification.requestPermission()
}

/** Subscribe anew: an address made with an earlier key, or for somebody else, ends. Throws NoPushService. */
export async function subscribe(key: string): Promise<PushSubscriptionJSON> {
  await navigator.serviceWorker.register(WORKER, { scope: '/' })
  const registration = await navigator.serviceWorker.ready
  try {
    await (await registration.pushManager.getSubscription())?.unsubscribe()
    const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
    return made.toJSON()
  } catch {
    throw new NoPushService()
  }
}

/** End this browser's address. One that is gone, or whose service is silent, is as good as ended. */
export async function unsubscribe(): Promise<void> {
  try {
    const registration = await navigator.serviceWorker.getRegistration('/')
    await (await registration?.pushManager.getSubscription())?.unsubscribe()
  } catch {
    // The portal tells it no more: that is what counts.
  }
}

/** Call `changed` whenever the reader allows or blocks notifications; returns how to stop. */
export function watchPermission(changed: () => void): () => void {
  let status: PermissionStatus | undefined
  let isOver = false
  void navigator.permissions?.query({ name: 'notifications' }).then((found) => {
    if (isOver) return
    status = found
    status.addEventListener('change', changed)
  })
  return () => {
    isOver = true
    status?.removeEventListener('change', changed)
  }
}
