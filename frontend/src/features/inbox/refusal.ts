/** A refused change as a form tells it: at the field where there is one, else in one line. */
import { ApiProblem, asProblem } from '@/api/problems'

export interface Refusal {
  fields: Record<string, string>
  line: string
}

/** `changed` and `unreachable` are the words for a stale version and for no answer. */
export function refusalOf(error: unknown, words: { changed: string; unreachable: string; failed: string }): Refusal {
  if (error === null || error === undefined) return { fields: {}, line: '' }
  const problem = asProblem(error)
  if (!(problem instanceof ApiProblem)) return { fields: {}, line: words.unreachable }
  if (problem.status === 412) return { fields: {}, line: words.changed }
  const fields: Record<string, string> = {}
  for (const { pointer, detail } of problem.errors) fields[pointer.replace('/', '')] = detail
  return { fields, line: Object.keys(fields).length > 0 ? '' : problem.detail || words.failed }
}
