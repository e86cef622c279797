import { computed, ref, watch, type Ref } from 'vue'
import { keptOrder } from './risk'

/** An order that does not change under a hand: while held, who came stands at the end. */
export function useCalmOrder(wanted: Ref<readonly string[]>, isHeld: Ref<boolean>) {
  const order = ref<readonly string[]>([])
  watch(
    [wanted, isHeld],
    () => {
      const next = isHeld.value ? keptOrder(order.value, wanted.value) : wanted.value
      if (next.length !== order.value.length || next.some((id, n) => id !== order.value[n])) order.value = next
    },
    { immediate: true },
  )
  const isWaiting = computed(
    () => isHeld.value && wanted.value.some((id, n) => id !== order.value[n]),
  )
  return { order, isWaiting }
}
