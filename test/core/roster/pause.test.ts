import { describe, expect, test } from '@jest/globals'
import { fc } from '../../support/properties.ts'
import { findPause } from '../../../core/roster/pause.ts'
import { pauseSchema, type Pause } from '../../../core/roster/pause-schema.ts'

const summer: Pause = { from: '2027-06-15T00:00', to: '2027-08-20T00:00' }
const weekend: Pause = { weekly: 'Sat 00:00', for: 'P2D' }

function untilOf(pauses: readonly Pause[], zone: string, now: string): string | undefined {
  return findPause(pauses, zone, new Date(now))?.until.toISOString()
}

describe('findPause() over dates', () => {
  test.each([
    ['the instant before it', '2027-06-15T04:59:59.999Z', undefined],
    ['its first instant', '2027-06-15T05:00:00.000Z', '2027-08-20T05:00:00.000Z'],
    ['its last instant', '2027-08-20T04:59:59.999Z', '2027-08-20T05:00:00.000Z'],
    ['the instant after it', '2027-08-20T05:00:00.000Z', undefined],
  ])('judges %s by the local time of the tenant', (_name, now, expected) => {
    expect(untilOf([summer], 'America/Chicago', now)).toBe(expected)
  })

  test.each([
    // On 14 March 2027 clocks in Chicago go from 02:00 to 03:00.
    ['2027-03-14T02:30', '2027-03-15T00:00', '2027-03-14T08:29:59.000Z', undefined],
    [
      '2027-03-14T02:30',
      '2027-03-15T00:00',
      '2027-03-14T08:30:00.000Z',
      '2027-03-15T05:00:00.000Z',
    ],
    [
      '2027-03-13T00:00',
      '2027-03-14T02:30',
      '2027-03-14T08:29:59.000Z',
      '2027-03-14T08:30:00.000Z',
    ],
    // On 7 November 2027 they go from 02:00 back to 01:00: 01:30 comes twice.
    ['2027-11-07T01:30', '2027-11-07T03:00', '2027-11-07T06:29:59.000Z', undefined],
    [
      '2027-11-07T01:30',
      '2027-11-07T03:00',
      '2027-11-07T06:30:00.000Z',
      '2027-11-07T09:00:00.000Z',
    ],
    [
      '2027-11-06T00:00',
      '2027-11-07T01:30',
      '2027-11-07T07:29:59.000Z',
      '2027-11-07T07:30:00.000Z',
    ],
    ['2027-11-06T00:00', '2027-11-07T01:30', '2027-11-07T07:30:00.000Z', undefined],
  ])('takes a pause from %s to %s over a clock change at %s', (...row) => {
    const [from, to, now, expected] = row as [string, string, string, string | undefined]
    expect(untilOf([{ from, to }], 'America/Chicago', now)).toBe(expected)
  })
})

describe('findPause() over weeks', () => {
  test.each([
    ['2027-05-07T21:59:59.000Z', undefined],
    ['2027-05-07T22:00:00.000Z', '2027-05-09T22:00:00.000Z'],
    ['2027-05-09T21:59:59.000Z', '2027-05-09T22:00:00.000Z'],
    ['2027-05-09T22:00:00.000Z', undefined],
    // The weekend of the clock change is an hour shorter in spring, and longer in autumn.
    ['2027-03-28T21:59:59.000Z', '2027-03-28T22:00:00.000Z'],
    ['2027-03-28T22:00:00.000Z', undefined],
    ['2027-10-31T22:59:59.000Z', '2027-10-31T23:00:00.000Z'],
  ])('keeps weekends in Berlin at %s', (now, expected) => {
    expect(untilOf([weekend], 'Europe/Berlin', now)).toBe(expected)
  })

  test('counts hours as the clock runs', () => {
    const night: Pause = { weekly: 'sun 01:00', for: 'PT4H' }
    expect(untilOf([night], 'Europe/Berlin', '2027-03-28T03:59:59.000Z')).toBe(
      '2027-03-28T04:00:00.000Z',
    )
    expect(untilOf([night], 'Europe/Berlin', '2027-03-28T04:00:00.000Z')).toBeUndefined()
  })
})

test('findPause() takes pauses that touch or overlap as one', () => {
  const friday: Pause = { weekly: 'Fri 12:00', for: 'PT12H' }
  const monday: Pause = { from: '2027-05-09T20:00', to: '2027-05-10T08:00' }
  expect(untilOf([monday, weekend, friday], 'UTC', '2027-05-07T12:00:00.000Z')).toBe(
    '2027-05-10T08:00:00.000Z',
  )
})

test('findPause() ends with what is no pause, and every instant before is one', () => {
  const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
  const two = (number: number): string => String(number).padStart(2, '0')
  const weekly = fc
    .record({
      day: fc.constantFrom(...weekdays),
      hour: fc.nat(23),
      minute: fc.nat(59),
      hours: fc.integer({ min: 1, max: 40 }),
    })
    .map(({ day, hour, minute, hours }) => ({
      weekly: `${day} ${two(hour)}:${two(minute)}`,
      for: `PT${hours}H`,
    }))
  const zone = fc.constantFrom('UTC', 'America/Chicago', 'Europe/Berlin', 'Australia/Lord_Howe')
  const now = fc.date({
    min: new Date('2027-01-01T00:00:00Z'),
    max: new Date('2028-01-01T00:00:00Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(fc.array(weekly, { minLength: 1, maxLength: 3 }), zone, now, (pauses, tz, at) => {
      const until = findPause(pauses, tz, at)?.until
      if (!until) return
      expect(findPause(pauses, tz, until)).toBeUndefined()
      const between = new Date((at.getTime() + until.getTime() - 1) / 2)
      expect(findPause(pauses, tz, between)?.until).toEqual(until)
    }),
  )
})

test.each([
  [{ from: '2027-06-15T00:00', to: '2027-06-15T00:00' }],
  [{ from: '2027-06-15T00:00Z', to: '2027-06-16T00:00' }],
  [{ from: '2027-06-31T00:00', to: '2027-07-02T00:00' }],
  [{ from: '2027-06-15', to: '2027-07-02T00:00' }],
  [{ weekly: 'Sat', for: 'P2D' }],
  [{ weekly: 'Sat 24:00', for: 'P2D' }],
  [{ weekly: 'Sat 00:00', for: 'P7D' }],
  [{ weekly: 'Sat 00:00', for: '2 days' }],
  [{ weekly: 'Sat 00:00', for: 'P2D', to: '2027-07-02T00:00' }],
])('pauseSchema refuses %j', (pause) => {
  expect(pauseSchema.safeParse(pause).success).toBe(false)
})
