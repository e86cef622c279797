/** The one way to the portal: typed calls that carry the token and throw ApiProblem or Unreachable. */
import createClient from 'openapi-fetch'
import { noteDateHeader } from '@/shared/serverClock'
import { randomUuid } from '@/shared/ids'
import { problemOf, Unreachable } from './problems'
import { noteReached, noteUnreached } from './reach'
import type { paths } from './schema'
import * as tokens from './tokens'

const WITHOUT_TOKEN = new Set(['/api/v1/auth/token/'])
let language = 'en'

/** Answers come in this language. */
export function speak(chosen: string): void {
  language = chosen
}

export const api = createClient<paths, 'application/json'>({ baseUrl: location.origin, fetch: send })

/**
 * Return the body of an answer: `await read(api.GET('/api/v1/trials/'))`. Throws ApiProblem, Unreachable.
 * A refused call has thrown already; an answer without a body is `undefined` in its type too.
 */
export async function read<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T
}

/** Return the body and the version to send with the next change. */
export async function readWithVersion<T>(
  call: Promise<{ data?: T; response: Response }>,
): Promise<{ data: T; ifMatch: string | null }> {
  const { data, response } = await call
  return { data: data as T, ifMatch: response.headers.get('ETag') }
}

/** Headers of a change: made once for each thing that a person does, so that a repeat is none. */
export function changeHeaders(
  options: { ifMatch?: string | number; reason?: string } = {},
): Record<string, string> {
  const headers: Record<string, string> = { 'Idempotency-Key': randomUuid() }
  if (typeof options.ifMatch === 'number') headers['If-Match'] = `"${options.ifMatch}"`
  else if (options.ifMatch) headers['If-Match'] = options.ifMatch
  // A header holds Latin-1 alone: a reason in Chinese belongs in the body, as change_reason.
  if (options.reason) headers['X-Change-Reason'] = options.reason
  return headers
}

async function send(request: Request): Promise<Response> {
  request.headers.set('Accept-Language', language)
  const { pathname } = new URL(request.url)
  if (WITHOUT_TOKEN.has(pathname)) return answered(await call(request))
  if (request.method === 'POST' && !request.headers.has('Idempotency-Key')) {
    request.headers.set('Idempotency-Key', randomUuid())
  }
  const token = await tokens.currentToken()
  const again = request.clone()
  const response = await call(bearing(request, token))
  if (response.status !== 401) return answered(response)
  const problem = await problemOf(response)
  if (problem.code !== 'token_expired' && problem.code !== 'token_invalid') {
    tokens.end('revoked')
    throw problem
  }
  return answered(await call(bearing(again, await tokens.refresh(token))))
}

function bearing(request: Request, token: string): Request {
  request.headers.set('Authorization', `Bearer ${token}`)
  return request
}

async function call(request: Request): Promise<Response> {
  try {
    const response = await fetch(request)
    noteReached()
    noteDateHeader(response.headers.get('Date'))
    return response
  } catch (error) {
    if (request.signal.aborted) throw error
    noteUnreached()
    throw new Unreachable()
  }
}

async function answered(response: Response): Promise<Response> {
  if (!response.ok) throw await problemOf(response)
  if (response.headers.get('X-Token-Refresh-Required') === 'true') {
    tokens.renewSoon()
  }
  return response
}
