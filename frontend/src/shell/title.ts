import { computed, ref, watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRoute } from 'vue-router'

/** How many things wait for the person; shown before the title, for a tab that is not looked at. */
export const waiting = ref(0)
/** Whether the number stands in the title; the navigation shows it anyhow. */
export const isCounted = ref(true)

export function useTitle(): void {
  const route = useRoute()
  const { t } = useI18n()
  const words = computed(() => (route.meta.title ? `${t(route.meta.title)} | ${t('portal')}` : t('portal')))
  watchEffect(() => {
    document.title = waiting.value > 0 && isCounted.value ? `(${waiting.value}) ${words.value}` : words.value
  })
}
