import { describe, expect, it } from 'vitest'
import { stateOf } from './push'

describe('the state of web push here', () => {
  it('is not possible where the browser lacks it, whatever else holds', () => {
    expect(stateOf(false, 'granted', 'a', ['a'])).toBe('unsupported')
  })

  it('is blocked once the reader said no, also where a row is left', () => {
    expect(stateOf(true, 'denied', 'a', ['a'])).toBe('denied')
  })

  it('is on only where the reader allows it and the portal tells this very browser', () => {
    expect(stateOf(true, 'granted', 'a', ['b', 'a'])).toBe('on')
    expect(stateOf(true, 'granted', 'a', ['b'])).toBe('off')
    expect(stateOf(true, 'granted', null, ['b'])).toBe('off')
    expect(stateOf(true, 'default', 'a', ['a'])).toBe('off')
  })
})
