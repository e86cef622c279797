import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { serverOffsetMs } from '@/shared/serverClock'
import { LiveSocket } from './socket'

class FakeServer {
  sockets: FakeWebSocket[] = []
  get last(): FakeWebSocket {
    return this.sockets.at(-1)!
  }
}

class FakeWebSocket {
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  said: Record<string, unknown>[] = []
  isClosed = false
  constructor(readonly url: string) {}
  send(text: string): void {
    this.said.push(JSON.parse(text) as Record<string, unknown>)
  }
  close(): void {
    this.isClosed = true
  }
  tell(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  ready(): void {
    const server_time = new Date(Date.now() + 60_000).toISOString()
    this.tell({ type: 'ready', user: 'u', session: 's', heartbeat_seconds: 25, server_time })
  }
  update(topic: string, sequence: number): void {
    this.tell({ type: 'update', topic, sequence, kind: 'k', data: { sequence }, sent_at: '' })
  }
}

let server: FakeServer
let live: LiveSocket
let ticket: () => Promise<string>

beforeEach(() => {
  vi.useFakeTimers()
  server = new FakeServer()
  ticket = () => Promise.resolve('t1')
  live = new LiveSocket({
    open: (url) => {
      const socket = new FakeWebSocket(url)
      server.sockets.push(socket)
      return socket as unknown as WebSocket
    },
    ticket: () => ticket(),
    random: () => 1,
  })
})
afterEach(() => {
  live.close()
  vi.useRealTimers()
})

const settled = () => vi.advanceTimersByTimeAsync(0)

async function begin(topic = 'site.1.vitals', told = {}, after: number | null = null) {
  const stop = live.subscribe(topic, told, after)
  await settled()
  server.last.ready()
  return stop
}

describe('opening', () => {
  it('opens with a ticket and subscribes once the server is ready', async () => {
    await begin()
    expect(server.last.url).toContain('/ws/live/?ticket=t1')
    expect(server.last.said).toEqual([{ type: 'subscribe', topic: 'site.1.vitals', after: null }])
    expect(live.connection.value).toBe('live')
  })

  it('learns the time of the server', async () => {
    await begin()
    expect(Math.round(serverOffsetMs() / 1000)).toBe(60)
  })

  it('is one socket for many topics', async () => {
    await begin('a')
    live.subscribe('b', {})
    expect(server.sockets).toHaveLength(1)
    expect(server.last.said.map(({ topic }) => topic)).toEqual(['a', 'b'])
  })
})

describe('coming back', () => {
  it('asks for what came after the last number that it heard', async () => {
    const heard: number[] = []
    await begin('notifications', { onUpdate: ({ sequence }: { sequence: number }) => heard.push(sequence) }, 3)
    server.last.tell({ type: 'subscribed', topic: 'notifications', sequence: 5 })
    server.last.update('notifications', 4)
    server.last.update('notifications', 5)
    server.last.onclose?.({ code: 1012 })
    expect(live.connection.value).toBe('stale')
    await vi.advanceTimersByTimeAsync(500)
    server.last.ready()
    expect(server.last.said).toEqual([{ type: 'subscribe', topic: 'notifications', after: 5 }])
    server.last.update('notifications', 5)
    server.last.update('notifications', 6)
    expect(heard).toEqual([4, 5, 6])
  })

  it('goes on from where the server stands after a resync', async () => {
    const onResync = vi.fn()
    await begin('notifications', { onResync }, 3)
    server.last.tell({ type: 'subscribed', topic: 'notifications', sequence: 900 })
    server.last.tell({ type: 'resync', topic: 'notifications' })
    server.last.onclose?.({ code: 1006 })
    await vi.advanceTimersByTimeAsync(500)
    server.last.ready()
    expect(onResync).toHaveBeenCalledOnce()
    expect(server.last.said).toEqual([{ type: 'subscribe', topic: 'notifications', after: 900 }])
  })

  it('waits longer after each failure, and 30 seconds at most', async () => {
    let tries = 0
    ticket = () => (tries++, Promise.reject(new Error('away')))
    live.subscribe('a', {})
    await settled()
    const waits = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    for (const [n, wait] of waits.entries()) {
      await vi.advanceTimersByTimeAsync(wait - 1)
      expect(tries).toBe(n + 1)
      await vi.advanceTimersByTimeAsync(1)
      expect(tries).toBe(n + 2)
    }
  })

  it('does not come back where it may not', async () => {
    await begin()
    server.last.onclose?.({ code: 4403 })
    await vi.advanceTimersByTimeAsync(120_000)
    expect(server.sockets).toHaveLength(1)
    expect(live.connection.value).toBe('refused')
  })

  it('comes back at once when hurried', async () => {
    await begin()
    server.last.onclose?.({ code: 1006 })
    live.hurry()
    await settled()
    expect(server.sockets).toHaveLength(2)
  })
})

describe('silence', () => {
  it('makes it stale after two heartbeats without a word, and it connects anew', async () => {
    await begin()
    const silent = server.last
    await vi.advanceTimersByTimeAsync(50_000)
    expect(silent.said.filter(({ type }) => type === 'ping')).toHaveLength(2)
    expect(live.connection.value).toBe('live')
    await vi.advanceTimersByTimeAsync(25_000)
    expect(silent.isClosed).toBe(true)
    expect(live.connection.value).toBe('stale')
  })

  it('is none while the server answers', async () => {
    await begin()
    for (let n = 0; n < 6; n++) {
      await vi.advanceTimersByTimeAsync(25_000)
      server.last.tell({ type: 'pong' })
    }
    expect(live.connection.value).toBe('live')
    expect(server.sockets).toHaveLength(1)
  })
})

describe('topics', () => {
  it('tells each subscriber in order, and nobody who has left', async () => {
    const told: string[] = []
    const stop = await begin('a', { onUpdate: () => told.push('first') })
    live.subscribe('a', { onUpdate: () => told.push('second') })
    server.last.update('a', 1)
    stop()
    server.last.update('a', 2)
    expect(told).toEqual(['first', 'second', 'second'])
  })

  it('are left with their last subscriber', async () => {
    const stop = await begin('a')
    stop()
    expect(server.last.said.at(-1)).toEqual({ type: 'unsubscribe', topic: 'a' })
  })

  it('that are refused say so to later subscribers too', async () => {
    const onRefused = vi.fn()
    await begin('a')
    server.last.tell({ type: 'error', code: 'forbidden', topic: 'a' })
    live.subscribe('a', { onRefused })
    expect(onRefused).toHaveBeenCalledWith('forbidden')
  })

  it('end with the session', async () => {
    await begin('a')
    live.close()
    await vi.advanceTimersByTimeAsync(120_000)
    expect(server.sockets).toHaveLength(1)
    expect(live.connection.value).toBe('idle')
  })
})
