import { parseDuration } from '../../../core/approval/duration.ts'

test.each([
  ['PT5S', { weeks: 0, days: 0, ms: 5_000 }],
  ['PT0.25S', { weeks: 0, days: 0, ms: 250 }],
  ['P3D', { weeks: 0, days: 3, ms: 0 }],
  ['P2W', { weeks: 2, days: 0, ms: 0 }],
  ['P1W2DT3H4M5S', { weeks: 1, days: 2, ms: 11_045_000 }],
  ['P1830D', { weeks: 0, days: 1_830, ms: 0 }],
])('parseDuration() reads %s', (text, expected) => {
  expect(parseDuration(text)).toEqual(expected)
})

test.each([
  '',
  'P',
  'PT',
  'P1DT',
  'PT0S',
  'P0D',
  '-P1D',
  'P-1D',
  'P1Y',
  'P1M',
  'P1831D',
  'PT1,5S',
  'p1d',
  'P1D ',
  'PT1S2M',
  'P99999D',
  '3 days',
])('parseDuration() refuses "%s"', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})
