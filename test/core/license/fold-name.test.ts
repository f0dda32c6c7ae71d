import { fc } from '../../support/properties.ts'
import { foldName } from '../../../core/license/fold-name.ts'

test.each([
  ['GUÐMUNDSDÓTTIR', 'gudmundsdottir'],
  ['Łukasz', 'lukasz'],
  ['Søren', 'soren'],
  ['Straße', 'strasse'],
  ['Œuvre', 'oeuvre'],
  ['İpek', 'ipek'],
  ['Παπαδόπουλος', 'παπαδοπουλοσ'],
  ['O’Brien', "o'brien"],
  ["O'Brien", "o'brien"],
  ['De la Cruz', 'de la cruz'],
  ['De  la Cruz', 'de la cruz'],
  ['De \t la Peña', 'de la pena'],
  ['Nguyễn', 'nguyen'],
])('foldName() makes %s into %s', (name, key) => {
  expect(foldName(name)).toBe(key)
})

test('foldName() is blind to case and to how accents are composed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (name) => {
      expect(foldName(name.normalize('NFD'))).toBe(foldName(name.normalize('NFC')))
    }),
  )
})

test('foldName() of the start of a name is the start of its key', () => {
  const letters = 'a A z é É ß ø ł Ð İ ı ς Σ Œ æ ’ - ễ の'.split(' ').concat(' ')
  const name = fc.array(fc.constantFrom(...letters), { maxLength: 30 })
  fc.assert(
    fc.property(name, fc.nat(30), (characters, length) => {
      const start = foldName(characters.slice(0, length).join(''))
      expect(foldName(characters.join('')).startsWith(start)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('foldName() keeps keys short enough for an index, whole characters only', () => {
  const key = foldName('\u{FDFA}'.repeat(100))
  expect(key.length).toBeLessThanOrEqual(200)
  expect(foldName(`a${'\u{1F600}'.repeat(100)}`)).not.toMatch(/[\uD800-\uDBFF]$/)
})
