/**
 * Tells of messages while no page of the portal is open. It keeps nothing: no page, no answer and no
 * data is ever stored by it, and what a push says is that there is a message, not which.
 */
const INBOX = '/inbox'
const LONGEST = 80
/** What is shown where a push says nothing that can be read. */
const WORDS = { en: 'You have a message', zh: '您有一条消息' }

self.addEventListener('install', () => self.skipWaiting())

self.addEventListener('push', (event) => event.waitUntil(tell(read(event.data))))

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(openInbox())
})

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
