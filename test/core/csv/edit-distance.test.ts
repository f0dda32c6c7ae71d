import { fc } from '../../support/properties.ts'
import { editDistance } from '../../../core/csv/edit-distance.ts'

test.each([
  ['ssn', 'ssn', 0],
  ['ssn', 'sn', 1],
  ['ssn', 'sssn', 1],
  ['ssn', 'san', 1],
  ['licenseType', 'licenesType', 1],
  ['', 'npi', 3],
  ['given', 'family', 6],
])('editDistance() from %j to %j is %d', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance)
})

test('editDistance() is the same in both directions and at most the longer length', () => {
  const text = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(text, text, (from, to) => {
      expect(editDistance(from, to)).toBe(editDistance(to, from))
      expect(editDistance(from, to)).toBeLessThanOrEqual(Math.max(from.length, to.length))
    }),
  )
})
