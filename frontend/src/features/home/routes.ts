import type { RouteRecordInfo, RouteRecordRaw } from 'vue-router'

type Nothing = Record<never, never>
declare module '@/router/names' {
  interface RouteNames {
    home: RouteRecordInfo<'home', '/', Nothing, Nothing, never>
    'not-found': RouteRecordInfo<'not-found', '/:path(.*)*', { path: string[] }, { path: string[] }, never>
  }
}

export const routes: RouteRecordRaw[] = [
  {
    path: '/',
    name: 'home',
    component: () => import('./pages/HomePage.vue'),
    meta: { title: 'home.title' },
  },
  {
    path: '/:path(.*)*',
    name: 'not-found',
    component: () => import('./pages/NotFoundPage.vue'),
    meta: { title: 'home.notFound.title', isPublic: true },
  },
]
