import vue from 'eslint-plugin-vue'
import { defineConfigWithVueTs, vueTsConfigs } from '@vue/eslint-config-typescript'

export default defineConfigWithVueTs(
  { ignores: ['node_modules/**', 'src/api/schema.d.ts'] },
  vue.configs['flat/recommended'],
  vueTsConfigs.strict,
  {
    rules: {
      // Prettier's matters; the house has no opinion on attribute breaks.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/no-v-html': 'error',
      'vue/require-default-prop': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'CallExpression[callee.name="fetch"]', message: 'Use the client of @/api.' },
      ],
    },
  },
  {
    files: ['src/**/*.spec.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['src/api/**', 'src/live/**'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['src/ui/**', 'src/shared/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['@/api/*', '@/session/*', '@/live/*', '@/features/*', '@/router/*'] },
      ],
    },
  },
)
