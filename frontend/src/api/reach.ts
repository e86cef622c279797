import { readonly, ref } from 'vue'

const since = ref<number | null>(null)

/** Since when the portal has not been reached, by this machine's clock; null while it answers. */
export const unreachedSince = readonly(since)

export function noteReached(): void {
  since.value = null
}

export function noteUnreached(): void {
  since.value ??= Date.now()
}

addEventListener('offline', noteUnreached)
