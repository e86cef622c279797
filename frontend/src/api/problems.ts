export interface FieldProblem {
  pointer: string
  code: string
  detail: string
}

/** What the portal answered instead of what was asked for (RFC 9457). */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'

  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly FieldProblem[] = [],
    readonly requestId: string | null = null,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(detail || title || code)
  }
}

/** No answer came: the network, or the portal behind it, is away. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

export type Problem = ApiProblem | Unreachable

/** Return what an answer that is no success says; one that is no problem document (a proxy's page) counts too. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const told = await bodyOf(response)
  const retryAfter = Number(response.headers.get('Retry-After'))
  return new ApiProblem(
    response.status,
    text(told.code) || `http_${response.status}`,
    text(told.title),
    text(told.detail),
    Array.isArray(told.errors) ? (told.errors as FieldProblem[]) : [],
    response.headers.get('X-Request-Id'),
    retryAfter > 0 ? retryAfter : null,
  )
}

/** Return an error as the problem it is; anything else is a mistake of ours and is thrown on. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ApiProblem || error instanceof Unreachable) return error
  throw error
}

async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  if (!response.headers.get('Content-Type')?.includes('json')) return {}
  try {
    const body: unknown = await response.json()
    return body !== null && typeof body === 'object' ? (body as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
