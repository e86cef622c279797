/** The portal's time: ages and expiry go by it, since a ward's computer may be minutes wrong. */
let offsetMs = 0

/** Learn the time from the portal; `at` is when it was told, by this machine. */
export function noteServerTime(told: string | number, at = Date.now()): void {
  const instant = typeof told === 'number' ? told : Date.parse(told)
  if (Number.isFinite(instant)) offsetMs = instant - at
}

/** Learn it from an answer's Date header, which names whole seconds: only a larger error is believed. */
export function noteDateHeader(told: string | null, at = Date.now()): void {
  if (told === null) return
  const instant = Date.parse(told) + 500
  if (Number.isFinite(instant) && Math.abs(instant - at - offsetMs) > 2_000) offsetMs = instant - at
}

export function serverNow(): number {
  return Date.now() + offsetMs
}

export function serverOffsetMs(): number {
  return offsetMs
}
