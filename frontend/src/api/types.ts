/** Short names for the generated schemas. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Me = Schemas['Me']
export type Permissions = Schemas['Permissions']
export type Notice = Schemas['Notice']
export type NoticeDetail = Schemas['NoticeDetail']
export type Site = Schemas['Site']
