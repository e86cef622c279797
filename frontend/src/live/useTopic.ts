import { onScopeDispose, ref, toValue, watch, type MaybeRefOrGetter } from 'vue'
import type { Subscriber } from './frames'
import { live } from './live'

interface Options extends Omit<Subscriber, 'onRefused'> {
  /** For `notifications`: the last sequence that is known, so that exactly the later ones come. */
  after?: () => number | null
}

/**
 * Listen to a topic while the component lives; null or undefined listens to nothing.
 * `refusal` is the server's word when the right is missing or has ended.
 */
export function useTopic(name: MaybeRefOrGetter<string | null | undefined>, options: Options) {
  const refusal = ref<string | null>(null)
  let stop = (): void => undefined
  watch(
    () => toValue(name),
    (topic) => {
      stop()
      refusal.value = null
      stop = topic ? listen(topic) : () => undefined
    },
    { immediate: true },
  )
  onScopeDispose(() => stop())

  function listen(topic: string): () => void {
    const { after, ...told } = options
    const subscriber: Subscriber = {
      ...told,
      onSubscribed(sequence) {
        refusal.value = null
        told.onSubscribed?.(sequence)
      },
      onRefused: (code) => (refusal.value = code),
    }
    return live.subscribe(topic, subscriber, after?.() ?? null)
  }

  return { refusal, connection: live.connection, heardAt: live.heardAt }
}
