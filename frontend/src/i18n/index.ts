/** The reader's language: English or Simplified Chinese, each page's words in its own `locales/`. */
import { createI18n, type LocaleMessageDictionary } from 'vue-i18n'
import { speak } from '@/api/client'

export const LANGUAGES = { en: 'English', 'zh-Hans': '简体中文' } as const
export type Language = keyof typeof LANGUAGES
type Words = LocaleMessageDictionary<unknown>

const KEY = 'portal.language'
const files = import.meta.glob<Words>(['./locales/*.json', '../features/*/locales/*.json'], {
  eager: true,
  import: 'default',
})

/** Common words stand at the top, a feature's under its name: `$t('wall.title')`. */
export function wordsOf(language: Language): Words {
  const words: Record<string, unknown> = {}
  for (const [path, content] of Object.entries(files)) {
    if (!path.endsWith(`/${language}.json`)) continue
    const feature = /features\/([^/]+)\//.exec(path)?.[1]
    if (feature === undefined) Object.assign(words, content)
    else words[feature] = content
  }
  return words as Words
}

export const i18n = createI18n<[Words], Language, false>({
  legacy: false,
  locale: preferred(),
  fallbackLocale: 'en',
  messages: { en: wordsOf('en'), 'zh-Hans': wordsOf('zh-Hans') },
})
apply(i18n.global.locale.value as Language)

export function chooseLanguage(language: Language): void {
  localStorage.setItem(KEY, language)
  i18n.global.locale.value = language
  apply(language)
}

function apply(language: Language): void {
  document.documentElement.lang = language
  speak(language)
}

function preferred(): Language {
  const chosen = localStorage.getItem(KEY)
  if (chosen !== null && chosen in LANGUAGES) return chosen as Language
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-Hans' : 'en'
}
