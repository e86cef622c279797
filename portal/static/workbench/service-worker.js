/**
 * Tells of messages while no page of the portal is open. It keeps nothing: no page, no answer and no
 * data is ever stored by it, and what a push says is that there is a message, not which. It calls the
 * portal only when the browser's address changed, so that pushes do not end without a word.
 */
const INBOX = '/inbox'
const LONGEST = 80
const API = '/api/v1/'
/** When the portal does not answer, it is asked again after so long. */
const PAUSES_MS = [5_000, 30_000]
/** What is shown where a push says nothing that can be read. */
const WORDS = { en: 'You have a message', zh: '您有一条消息' }

self.addEventListener('install', () => self.skipWaiting())

self.addEventListener('push', (event) => event.waitUntil(tell(read(event.data))))

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openInbox())
})

self.addEventListener('pushsubscriptionchange', (event) => event.waitUntil(renew(event)))

/** What a push says; a browser demands that each shows something, whatever came. */
function read(data) {
  try {
    const said = data?.json()
    return said !== null && typeof said === 'object' ? said : {}
  } catch {
    return {}
  }
}

/** One notification for each notice: a later telling of the same one stands in its place, and sounds. */
function tell({ title, about }) {
  const words = navigator.language.toLowerCase().startsWith('zh') ? WORDS.zh : WORDS.en
  const isSaid = typeof title === 'string' && title.length > 0 && title.length <= LONGEST
  return self.registration.showNotification(isSaid ? title : words, {
    tag: typeof about === 'string' ? about : 'message',
    renotify: true,
  })
}

async function openInbox() {
  const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const inbox = tabs.find((tab) => new URL(tab.url).pathname === INBOX)
  return inbox ? inbox.focus() : self.clients.openWindow(INBOX)
}

/** The push service has given this browser up, or another address: tell the portal, that it goes on being told. */
async function renew({ oldSubscription, newSubscription }) {
  const token = await signedIn()
  // Nobody is signed in here any more: then nobody is told either.
  if (token === null) return
  const made = newSubscription ?? (await subscribe(token))
  const previous_endpoint = oldSubscription?.endpoint ?? ''
  const answer = await ask('push-subscriptions/renew/', token, { ...made.toJSON(), previous_endpoint })
  // Whoever is signed in is not who was told here.
  if (!answer.ok) await made.unsubscribe()
}

async function subscribe(token) {
  const answer = await ask('push-subscriptions/key/', token)
  const { key } = await answer.json()
  return self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
}

/** The access token of whoever is signed in in this browser, or null; the pages take turns with it (api/tokens.ts). */
async function signedIn() {
  const exchange = () => ask('auth/token/refresh/', null, {})
  const answer = await (self.navigator.locks ? self.navigator.locks.request('portal.refresh', exchange) : exchange())
  return answer.ok ? (await answer.json()).access : null
}

async function ask(path, token, body) {
  const headers = { 'Content-Type': 'application/json', 'X-Refresh-Transport': 'cookie' }
  if (token !== null) Object.assign(headers, { Authorization: `Bearer ${token}`, 'Idempotency-Key': self.crypto.randomUUID() })
  const request = { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) }
  for (const pause of [...PAUSES_MS, null]) {
    const answer = await self.fetch(API + path, request).catch(() => null)
    if (answer !== null && answer.status < 500) return answer
    if (pause === null) throw new Error('the portal does not answer')
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}
