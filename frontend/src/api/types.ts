/** Short names for the generated schemas. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Me = Schemas['Me']
export type Permissions = Schemas['Permissions']
export type Notice = Schemas['Notice']
export type NoticeDetail = Schemas['NoticeDetail']
export type Absence = Schemas['Absence']
export type Preference = Schemas['Preference']
export type PreferenceForm = Schemas['PreferenceFormRequest']
export type PushSubscription = Schemas['PushSubscription']
export type Site = Schemas['Site']
export type Trial = Schemas['Trial']
export type WallTile = Schemas['WallTile']
export type DataFlow = Schemas['DataFlow']
export type WallReading = Schemas['WallReading']
export type LiveNews2 = Schemas['LiveNews2']
export type AlertCounts = Schemas['AlertCounts']
export type Series = Schemas['Series']

/** A reading as the socket tells it: what a tile says of it, whose it is, and what was joined in it. */
export type LiveReading = WallReading & {
  patient: string
  subject_number: string
  late: boolean
  flags: string[]
  panel?: string
  min: WallReading['value']
  max: WallReading['value']
  n: number
}
