/** This tab's socket. */
import { api, read } from '@/api/client'
import { LiveSocket } from './socket'

export const live = new LiveSocket({
  open: (url) => new WebSocket(url),
  ticket: async () => (await read(api.POST('/api/v1/live/tickets/'))).ticket,
  random: Math.random,
})

addEventListener('online', () => live.hurry())
