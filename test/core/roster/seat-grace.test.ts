import { addGrace } from '../../../core/roster/seat-grace.ts'

const from = new Date('2026-01-31T10:00:00.000Z')

test.each([
  ['P14D', '2026-02-14T10:00:00.000Z'],
  ['P2W', '2026-02-14T10:00:00.000Z'],
  ['P1M', '2026-02-28T10:00:00.000Z'],
  ['P2M', '2026-03-31T10:00:00.000Z'],
  ['P1Y1M1D', '2027-03-01T10:00:00.000Z'],
  ['PT36H', '2026-02-01T22:00:00.000Z'],
  ['P1DT1H30M5S', '2026-02-01T11:30:05.000Z'],
  ['P0D', '2026-01-31T10:00:00.000Z'],
  ['PT0S', '2026-01-31T10:00:00.000Z'],
])('addGrace() adds %s', (duration, expected) => {
  expect(addGrace(from, duration)?.toISOString()).toBe(expected)
})

test.each([
  '',
  'P',
  'PT',
  'P1',
  '14D',
  'P-1D',
  '-P1D',
  'P1DT',
  'P1D ',
  'P1H',
  'PT1D',
  'p14d',
  'P1.5D',
])('addGrace() refuses %j', (duration) => {
  expect(addGrace(from, duration)).toBeUndefined()
})
