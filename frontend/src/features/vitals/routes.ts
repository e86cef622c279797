import type { RouteRecordInfo, RouteRecordRaw } from 'vue-router'

type Id = Record<'id', string>
declare module '@/router/names' {
  interface RouteNames {
    vitals: RouteRecordInfo<'vitals', '/wall/patients/:id', Id, Id, never>
  }
}

export const routes: RouteRecordRaw[] = [
  {
    path: '/wall/patients/:id',
    name: 'vitals',
    component: () => import('./pages/VitalsPage.vue'),
    props: true,
    meta: { title: 'vitals.title', needsAny: ['vital_sign:monitor'] },
  },
]
