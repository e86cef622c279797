import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { guard } from './guards'

const features = import.meta.glob<RouteRecordRaw[]>('../features/*/routes.ts', {
  eager: true,
  import: 'routes',
})

export const routes = Object.values(features).flat()

export const router = createRouter({
  history: createWebHistory('/'),
  routes,
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})
router.beforeEach(guard)
