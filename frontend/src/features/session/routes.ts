import type { RouteRecordInfo, RouteRecordRaw } from 'vue-router'

type Nothing = Record<never, never>
declare module '@/router/names' {
  interface RouteNames {
    'sign-in': RouteRecordInfo<'sign-in', '/sign-in', Nothing, Nothing, never>
  }
}

export const routes: RouteRecordRaw[] = [
  {
    path: '/sign-in',
    name: 'sign-in',
    component: () => import('./pages/SignInPage.vue'),
    meta: { title: 'session.signIn', isPublic: true },
  },
]
