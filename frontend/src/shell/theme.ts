/**
 * Light, dark, or as the system has it. The shared tokens follow the system by a media query; a choice
 * makes that query always or never true, so that no color is written twice.
 */
import { ref } from 'vue'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'portal.theme'
const DARK = '(prefers-color-scheme: dark)'
const CONDITION: Record<Theme, string> = { system: DARK, light: 'not all', dark: 'all' }
const rules: CSSMediaRule[] = []

export const theme = ref<Theme>(stored())

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen
  localStorage.setItem(KEY, chosen)
  applyTheme()
}

export function applyTheme(): void {
  if (rules.length === 0) findRules()
  for (const rule of rules) rule.media.mediaText = CONDITION[theme.value]
  document.documentElement.style.colorScheme = theme.value === 'system' ? '' : theme.value
}

/** Whether it is dark now; for what is drawn on a canvas. */
export function isDark(): boolean {
  return theme.value === 'dark' || (theme.value === 'system' && matchMedia(DARK).matches)
}

function findRules(): void {
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule instanceof CSSMediaRule && rule.media.mediaText === DARK) rules.push(rule)
    }
  }
}

function stored(): Theme {
  const kept = localStorage.getItem(KEY)
  return THEMES.find((one) => one === kept) ?? 'system'
}
