import { VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './shell/App.vue'
import { i18n } from './i18n'
import { router } from './router'
import { queryClient } from './shell/queries'
import { applyTheme } from './shell/theme'
import './styles/base.css'

applyTheme()
createApp(App)
  .use(createPinia())
  .use(i18n)
  .use(VueQueryPlugin, { queryClient })
  .use(router)
  .mount('#app')
