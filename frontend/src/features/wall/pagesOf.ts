/** Read all pages of a list; it ends because every page says where the next one begins. */
export async function allPages<T>(
  page: (cursor: string | undefined) => Promise<{ results: T[]; next?: string | null }>,
): Promise<T[]> {
  const found: T[] = []
  let cursor: string | undefined
  do {
    const { results, next } = await page(cursor)
    found.push(...results)
    cursor = next ? (new URL(next, location.origin).searchParams.get('cursor') ?? undefined) : undefined
  } while (cursor !== undefined)
  return found
}
