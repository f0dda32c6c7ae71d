import { listUnstorable } from '../../../core/profile/storable.ts'

test.each<[string, unknown]>([
  ['a NUL', 'a\0b'],
  ['half of a character', '\ud800'],
  ['a number without bounds', Number('1e400')],
  ['an integer of which readers see different ones', Number('12345678901234567890')],
  ['the same, negative', -(2 ** 53)],
])('%s is a fault where it stands', (_, value) => {
  const faults = listUnstorable({ values: { 'a/b': [value] } })
  expect(faults).toEqual([
    { pointer: '/values/a~1b/0', code: 'invalid_format', detail: expect.any(String) },
  ])
})

test('what can be kept as it was sent is none', () => {
  const value = { values: { text: 'naïve 日本語 🦊', more: [0, -1.5, 2 ** 53 - 1, true, null] } }
  expect(listUnstorable(value)).toEqual([])
})
