import { QueryClient } from '@tanstack/vue-query'
import { ApiProblem } from '@/api/problems'

/** What the portal refused is not asked again; what it could not answer is, twice. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always',
      staleTime: 10_000,
      retry: (count, error) => count < 2 && !(error instanceof ApiProblem && error.status < 500),
      retryDelay: (count, error) =>
        error instanceof ApiProblem && error.retryAfterSeconds !== null
          ? Math.min(error.retryAfterSeconds * 1000, 10_000)
          : 500 * 2 ** count,
    },
    mutations: { networkMode: 'always' },
  },
})
