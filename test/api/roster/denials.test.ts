import { createDenialBook } from '../../../api/roster-denials.ts'

test('ten denials of a tenant are written a minute; the next one says how many were left out', () => {
  let now = new Date('2026-11-02T09:00:00Z')
  const book = createDenialBook(() => now)
  const taken = Array.from({ length: 500 }, () => book.take('north'))
  expect(taken.filter((room) => room !== undefined)).toHaveLength(10)
  expect(book.take('south')).toEqual({ leftOut: 0 })
  now = new Date('2026-11-02T09:01:00Z')
  expect(book.take('north')).toEqual({ leftOut: 490 })
  expect(book.take('north')).toEqual({ leftOut: 0 })
})
