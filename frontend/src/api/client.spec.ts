import { beforeEach, describe, expect, it, vi } from 'vitest'
import { api, changeHeaders, read } from './client'
import { ApiProblem, Unreachable } from './problems'
import * as tokens from './tokens'

const REFRESH = '/api/v1/auth/token/refresh/'
const ME = '/api/v1/auth/me/'
type Answer = (request: Request) => Response | Promise<Response>

let asked: Request[]
let answers: Record<string, Answer>

function token(sub: string, jti: string): string {
  return `h.${btoa(JSON.stringify({ sub, jti }))}.s`
}

function fresh(name: string, sub = 'ines') {
  const access_expires_at = new Date(Date.now() + 600_000).toISOString()
  return { access: token(sub, name), access_expires_at }
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type, ...headers } })
}

function problem(status: number, code: string): Response {
  return json({ status, code, title: 'T', detail: 'D' }, status, { 'X-Request-Id': 'r-1' })
}

beforeEach(() => {
  asked = []
  answers = {
    [REFRESH]: () => json(fresh('second')),
    [ME]: () => json({ id: 'ines' }),
  }
  vi.stubGlobal('fetch', async (input: Request | string, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.origin), init)
    asked.push(request)
    return answers[new URL(request.url).pathname]!(request)
  })
  tokens.end('signed_out')
  tokens.keep(tokens.accessOf(fresh('first')))
})

const paths = () => asked.map(({ url }) => new URL(url).pathname)
const bearer = (n: number) => asked.at(n)?.headers.get('Authorization')

describe('the token', () => {
  it('goes with every call', async () => {
    await read(api.GET(ME))
    expect(bearer(0)).toBe(`Bearer ${token('ines', 'first')}`)
  })

  it('that has expired is exchanged once, and the call is made again', async () => {
    answers[ME] = (request) =>
      request.headers.get('Authorization')?.endsWith(token('ines', 'first'))
        ? problem(401, 'token_expired')
        : json({ id: 'ines' })
    const found = await Promise.all([read(api.GET(ME)), read(api.GET(ME))])
    expect(found).toEqual([{ id: 'ines' }, { id: 'ines' }])
    expect(paths().filter((path) => path === REFRESH)).toHaveLength(1)
  })

  it('is exchanged through the cookie', async () => {
    await tokens.refresh(token('ines', 'first'))
    expect(asked[0]?.headers.get('X-Refresh-Transport')).toBe('cookie')
    expect(await asked[0]?.text()).toBe('{}')
  })

  it('that was revoked ends the session', async () => {
    const ended = vi.fn()
    tokens.onEnded(ended)
    answers[ME] = () => problem(401, 'token_revoked')
    await expect(read(api.GET(ME))).rejects.toMatchObject({ code: 'token_revoked' })
    expect(ended).toHaveBeenCalledWith('revoked')
    expect(tokens.hasToken()).toBe(false)
  })

  it('of somebody else is not taken', async () => {
    const ended = vi.fn()
    tokens.onEnded(ended)
    answers[REFRESH] = () => json(fresh('other', 'mei'))
    await expect(tokens.refresh(token('ines', 'first'))).rejects.toBeInstanceOf(Unreachable)
    expect(ended).toHaveBeenCalledWith('other_person')
  })

  it('stays when the exchange fails for another reason than the session', async () => {
    answers[REFRESH] = () => problem(503, 'database_unavailable')
    await expect(tokens.refresh(token('ines', 'first'))).rejects.toMatchObject({ status: 503 })
    expect(tokens.hasToken()).toBe(true)
  })
})

describe('an answer', () => {
  it('that is a problem is thrown with its words and the number to quote', async () => {
    answers[ME] = () => problem(403, 'not_permitted')
    const thrown = await read(api.GET(ME)).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(ApiProblem)
    expect(thrown).toMatchObject({ status: 403, code: 'not_permitted', message: 'D', requestId: 'r-1' })
  })

  it("that is a proxy's page is a problem too", async () => {
    answers[ME] = () => new Response('<html>', { status: 502 })
    await expect(read(api.GET(ME))).rejects.toMatchObject({ status: 502, code: 'http_502' })
  })

  it('that never comes is Unreachable', async () => {
    answers[ME] = () => Promise.reject(new TypeError('failed'))
    await expect(read(api.GET(ME))).rejects.toBeInstanceOf(Unreachable)
  })
})

describe('a change', () => {
  it('has a key of its own, the version and the reason', () => {
    const [first, second] = [changeHeaders({ ifMatch: 3, reason: 'typo' }), changeHeaders()]
    expect(first).toMatchObject({ 'If-Match': '"3"', 'X-Change-Reason': 'typo' })
    expect(first['Idempotency-Key']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/)
    expect(first['Idempotency-Key']).not.toBe(second['Idempotency-Key'])
  })

  it('has a key even where nobody gave one', async () => {
    answers['/api/v1/live/tickets/'] = () => json({ ticket: 't', expires_in: 30 })
    await read(api.POST('/api/v1/live/tickets/'))
    expect(asked[0]?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f-]{36}$/)
  })
})
