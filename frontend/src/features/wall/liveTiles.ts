/**
 * The patients of a wall, and what is drawn of them. Updates are gathered and applied in one batch at
 * most ten times a second; of a tile that nobody sees only the data change.
 */
import { shallowReactive, shallowRef, type ShallowRef } from 'vue'
import type { WallTile } from '@/api/types'
import {
  NO_ALERTS,
  tileOf,
  withAlerts,
  withoutCodes,
  withUpdates,
  type AlertUpdate,
  type LiveUpdate,
  type Tile,
  type Untold,
} from './readings'

const BATCH_MS = 100
const FLASH_MS = 600

export class LiveTiles {
  /** Who is there; changes when somebody comes or goes. */
  readonly ids: ShallowRef<readonly string[]> = shallowRef([])
  /** What is drawn, a reference for each patient. */
  readonly drawn = shallowReactive(new Map<string, ShallowRef<Tile>>())
  private newest = new Map<string, Tile>()
  private waiting = new Map<string, LiveUpdate[]>()
  private flashes = new Map<string, number>()
  private seen = new Set<string>()
  private frame = 0
  private applied = 0

  constructor(private readonly onWithdrawn: () => void) {}

  /** All patients as they are at this moment, drawn or not. */
  all(): Tile[] {
    return [...this.newest.values()]
  }

  /** Take over what the portal told; who is not among it has left. */
  take(told: readonly WallTile[]): void {
    const next = new Map(told.map((one) => [one.patient, tileOf(one, this.newest.get(one.patient))]))
    this.newest = next
    for (const id of this.drawn.keys()) if (!next.has(id)) this.drawn.delete(id)
    for (const [id, tile] of next) {
      const reference = this.drawn.get(id)
      if (reference === undefined) this.drawn.set(id, shallowRef(tile))
      else reference.value = tile
    }
    this.ids.value = [...next.keys()]
  }

  /** What stands at a subscription: nothing of it is news. */
  takeSnapshot(readings: readonly LiveUpdate[], untold: readonly Untold[]): void {
    for (const [id, tile] of this.newest) {
      const codes = untold.flatMap(({ patient, code }) => (patient === id && code !== undefined ? [code] : []))
      if (codes.length > 0 || tile.untold.length > 0) this.put(id, withoutCodes(tile, codes))
    }
    const of = new Map<string, LiveUpdate[]>()
    for (const one of readings) gather(of, one)
    for (const [id, some] of of) this.apply(id, some, false)
  }

  takeUpdate(update: LiveUpdate): void {
    gather(this.waiting, update)
    if (update.status === 'entered_in_error') this.onWithdrawn()
    this.schedule()
  }

  /** How the alerts of all patients stand: of whom nothing is said, there are none. */
  takeAlertSnapshot(told: readonly AlertUpdate[], untold: readonly Untold[], at: number): void {
    const of = new Map(told.map((one) => [one.patient, one.alerts]))
    const unknown = new Set(untold.map(({ patient }) => patient))
    for (const [id, tile] of this.newest) {
      this.put(id, withAlerts(tile, unknown.has(id) ? null : (of.get(id) ?? NO_ALERTS), at))
    }
  }

  takeAlerts({ patient, alerts }: AlertUpdate, at: number): void {
    const tile = this.newest.get(patient)
    if (tile !== undefined) this.put(patient, withAlerts(tile, alerts, at))
  }

  /** Say which tiles are on the screen. */
  see(id: string, isSeen: boolean): void {
    if (!isSeen) this.seen.delete(id)
    else if (!this.seen.has(id)) {
      this.seen.add(id)
      this.draw(id)
    }
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
    this.frame = -1
  }

  private put(id: string, tile: Tile): void {
    this.newest.set(id, tile)
    if (this.seen.has(id)) this.draw(id)
  }

  private schedule(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame((now) => this.tick(now))
  }

  private tick(now: number): void {
    if (this.frame === -1) return
    this.frame = 0
    if (now - this.applied >= BATCH_MS) {
      this.applied = now
      for (const [id, until] of this.flashes) if (until <= now) this.calm(id)
      for (const [id, some] of this.waiting) this.apply(id, some, true)
      this.waiting.clear()
    }
    if (this.waiting.size > 0 || this.flashes.size > 0) this.schedule()
  }

  private apply(id: string, updates: readonly LiveUpdate[], isNews: boolean): void {
    const before = this.newest.get(id)
    // Somebody new: the next reading of the tiles brings them.
    if (before === undefined) return
    const tile = withUpdates(before, updates)
    const flashes = isNews && this.seen.has(id) && tile.flashing.length > 0
    if (flashes) this.flashes.set(id, this.applied + FLASH_MS)
    this.put(id, flashes ? tile : { ...tile, flashing: [] })
  }

  private calm(id: string): void {
    this.flashes.delete(id)
    const tile = this.newest.get(id)
    if (tile === undefined) return
    this.put(id, { ...tile, flashing: [] })
  }

  private draw(id: string): void {
    const reference = this.drawn.get(id)
    const tile = this.newest.get(id)
    if (reference !== undefined && tile !== undefined) reference.value = tile
  }
}

function gather(into: Map<string, LiveUpdate[]>, update: LiveUpdate): void {
  const some = into.get(update.patient)
  if (some === undefined) into.set(update.patient, [update])
  else some.push(update)
}
