import type { RouteRecordInfo, RouteRecordRaw } from 'vue-router'

type Nothing = Record<never, never>
type Named = { id: string }
declare module '@/router/names' {
  interface RouteNames {
    inbox: RouteRecordInfo<'inbox', '/inbox', Nothing, Nothing, never>
    'notice-settings': RouteRecordInfo<'notice-settings', '/inbox/settings', Nothing, Nothing, never>
    notice: RouteRecordInfo<'notice', '/inbox/:id', Named, Named, never>
  }
}

export const routes: RouteRecordRaw[] = [
  {
    path: '/inbox',
    name: 'inbox',
    component: () => import('./pages/InboxPage.vue'),
    meta: {
      title: 'inbox.title',
      needsAny: ['trial:view'],
      navigation: { order: 20, icon: 'bell', counts: true },
      homeRank: () => 2,
    },
  },
  {
    path: '/inbox/settings',
    name: 'notice-settings',
    component: () => import('./pages/NoticeSettingsPage.vue'),
    meta: { title: 'inbox.settings.title', needsAny: ['trial:view'] },
  },
  {
    path: '/inbox/:id',
    name: 'notice',
    redirect: ({ params }) => ({ name: 'inbox', query: { notice: String((params as Named).id) } }),
    meta: { title: 'inbox.title' },
  },
]
