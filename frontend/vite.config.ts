import { fileURLToPath, URL } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const portal = { target: 'http://127.0.0.1:8000', changeOrigin: true }

export default defineConfig(({ command }) => ({
  base: command === 'build' ? '/static/workbench/' : '/',
  // Copied as it is: its address is its identity, so its name has no hash.
  publicDir: 'src/worker',
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __INTLIFY_JIT_COMPILATION__: 'true',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'false',
  },
  build: {
    outDir: '../portal/static/workbench',
    emptyOutDir: true,
    manifest: 'manifest.json',
    // An inline script or a data: font would break the portal's content security policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    target: 'es2022',
    rolldownOptions: { input: 'src/main.ts' },
  },
  server: {
    proxy: {
      '/api': portal,
      '/admin': portal,
      '/static': portal,
      '/ws': { ...portal, ws: true, rewriteWsOrigin: true },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.spec.ts'], restoreMocks: true },
}))
