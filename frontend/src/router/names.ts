/**
 * The names of all pages. A feature adds its own beside its routes:
 * `declare module '@/router/names' { interface RouteNames { wall: RouteRecordInfo<'wall', '/wall'> } }`
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface RouteNames {}

declare module 'vue-router' {
  interface TypesConfig {
    RouteNamedMap: RouteNames & Record<never, never>
  }
  interface RouteMeta {
    /** Open to everybody, signed in or not. */
    isPublic?: boolean
    /** The key of the page's title in the words. */
    title: string
    /** Whoever holds none of these anywhere gets the page that says so. Empty: everybody signed in. */
    needsAny?: readonly string[]
    /** Its place in the navigation, its icon, and whether the number of what waits is its own; pages without one are reached from others. */
    navigation?: { order: number; icon: string; counts?: boolean }
    /**
     * Where home leads: the lowest of those that the person may open. Absent: home never leads here.
     */
    homeRank?: (may: (permission: string) => boolean) => number
  }
}
