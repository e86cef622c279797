/** Whether new notices sound, and whether their number stands in the tab's title: each reader's choice. */
import { ref, watch } from 'vue'
import { isCounted } from '@/shell/title'

const SOUND = 'portal.inbox.sound'
const TITLE = 'portal.inbox.title'

export const sounds = ref(localStorage.getItem(SOUND) === 'yes')
isCounted.value = localStorage.getItem(TITLE) !== 'no'
watch(sounds, (on) => localStorage.setItem(SOUND, on ? 'yes' : 'no'))
watch(isCounted, (on) => localStorage.setItem(TITLE, on ? 'yes' : 'no'))

export { isCounted }

const TONES: Record<string, readonly number[]> = { safety: [880, 660, 880], urgent: [660, 880], routine: [660] }
let context: AudioContext | undefined

/** Sound a notice; browsers allow it once the page was used. */
export function chime(urgency: string, isTrial = false): void {
  if (!sounds.value && !isTrial) return
  context ??= new AudioContext()
  void context.resume()
  for (const [index, hertz] of (TONES[urgency] ?? []).entries()) {
    const start = context.currentTime + index * 0.18
    const tone = new OscillatorNode(context, { frequency: hertz })
    const volume = new GainNode(context, { gain: 0 })
    volume.gain.setValueAtTime(0, start)
    volume.gain.linearRampToValueAtTime(0.12, start + 0.02)
    volume.gain.exponentialRampToValueAtTime(0.001, start + 0.16)
    tone.connect(volume).connect(context.destination)
    tone.start(start)
    tone.stop(start + 0.17)
  }
}
