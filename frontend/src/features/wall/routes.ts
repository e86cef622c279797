import type { RouteRecordInfo, RouteRecordRaw } from 'vue-router'

type Nothing = Record<never, never>
type Id = Record<'id', string>
declare module '@/router/names' {
  interface RouteNames {
    wall: RouteRecordInfo<'wall', '/wall', Nothing, Nothing, never>
    'wall-site': RouteRecordInfo<'wall-site', '/wall/site/:id', Id, Id, never>
    'wall-trial': RouteRecordInfo<'wall-trial', '/wall/trial/:id', Id, Id, never>
  }
}

const needsAny = ['vital_sign:monitor', 'data_finding:view']

export const routes: RouteRecordRaw[] = [
  {
    path: '/wall',
    meta: {
      title: 'wall.title',
      needsAny,
      navigation: { order: 1, icon: 'wall' },
      homeRank: (may) => (may('vital_sign:monitor') ? 1 : 3),
    },
    children: [
      { path: '', name: 'wall', component: () => import('./pages/WallChoicePage.vue') },
      {
        path: 'site/:id',
        name: 'wall-site',
        component: () => import('./pages/WallPage.vue'),
        props: ({ params }) => ({ kind: 'site', ...params }),
      },
      {
        path: 'trial/:id',
        name: 'wall-trial',
        component: () => import('./pages/WallPage.vue'),
        props: ({ params }) => ({ kind: 'trial', ...params }),
      },
    ],
  },
]
