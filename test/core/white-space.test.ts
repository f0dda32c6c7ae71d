import { fc } from '../support/properties.ts'
import { isBlank, trimWhiteSpace } from '../../core/white-space.ts'

const spaced = fc
  .array(
    fc.constantFrom(' ', '\t', '\u0085', '\u00a0', '\u2028', '\u3000', '\ufeff', 'a', '\u{1f600}'),
  )
  .map((characters) => characters.join(''))

test('trimWhiteSpace() removes what Unicode calls white space, at both ends only', () => {
  fc.assert(
    fc.property(spaced, (text) => {
      expect(trimWhiteSpace(text)).toBe(
        text.replace(/^\p{White_Space}+/u, '').replace(/\p{White_Space}+$/u, ''),
      )
    }),
  )
})

test('isBlank() is true when nothing is left of a trimmed text', () => {
  fc.assert(
    fc.property(spaced, (text) => {
      expect(isBlank(text)).toBe(trimWhiteSpace(text) === '')
    }),
  )
})
