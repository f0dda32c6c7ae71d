import { fc } from '../../support/properties.ts'
import { addDuration, type Calendar } from '../../../core/approval/calendar.ts'
import { parseDuration } from '../../../core/approval/duration.ts'

const nineToFive = ['09:00', '17:00'] as const
const weekdays = {
  mon: nineToFive,
  tue: nineToFive,
  wed: nineToFive,
  thu: nineToFive,
  fri: nineToFive,
}

function office(change: Partial<Calendar> = {}): Calendar {
  return { timeZone: 'UTC', workingHours: weekdays, holidays: [], ...change }
}

function add(from: string, text: string, calendar?: Calendar): string {
  const duration = parseDuration(text)
  if (!duration) throw new Error(`Cannot read "${text}"`)
  return addDuration(new Date(from), duration, calendar).toISOString()
}

test('addDuration() counts every second without a calendar', () => {
  expect(add('2025-03-29T12:00:00Z', 'P1DT1H')).toBe('2025-03-30T13:00:00.000Z')
  expect(add('2025-03-29T12:00:00Z', 'P1W')).toBe('2025-04-05T12:00:00.000Z')
})

// 2025-06-06 is a Friday.
test.each([
  ['within the day', '2025-06-06T10:00:00Z', 'PT3H', '2025-06-06T13:00:00.000Z'],
  ['to the very end of the day', '2025-06-06T10:00:00Z', 'PT7H', '2025-06-06T17:00:00.000Z'],
  ['over the weekend', '2025-06-06T16:30:00Z', 'PT1H', '2025-06-09T09:30:00.000Z'],
  ['from a Saturday', '2025-06-07T12:00:00Z', 'PT1H', '2025-06-09T10:00:00.000Z'],
  ['from before hours', '2025-06-06T03:00:00Z', 'PT1H', '2025-06-06T10:00:00.000Z'],
  ['from after hours', '2025-06-06T17:00:00Z', 'PT1S', '2025-06-09T09:00:01.000Z'],
  ['over several days', '2025-06-02T09:00:00Z', 'PT20H', '2025-06-04T13:00:00.000Z'],
  ['a day to the same time', '2025-06-05T16:00:00Z', 'P1D', '2025-06-06T16:00:00.000Z'],
  ['a day over the weekend', '2025-06-06T16:00:00Z', 'P1D', '2025-06-09T16:00:00.000Z'],
  ['a day from a Saturday', '2025-06-07T12:00:00Z', 'P1D', '2025-06-09T17:00:00.000Z'],
  ['three days from a Saturday', '2025-06-07T12:00:00Z', 'P3D', '2025-06-11T17:00:00.000Z'],
  ['a day and an hour', '2025-06-06T16:30:00Z', 'P1DT1H', '2025-06-10T09:30:00.000Z'],
  ['a week of five days', '2025-06-04T12:00:00Z', 'P1W', '2025-06-11T12:00:00.000Z'],
])('addDuration() counts working time %s', (_, ...[from, text, expected]) => {
  expect(add(from, text, office())).toBe(expected)
})

test('addDuration() leaves holidays out', () => {
  const calendar = office({ holidays: ['2025-06-09', '2025-06-10'] })
  expect(add('2025-06-06T16:00:00Z', 'PT2H', calendar)).toBe('2025-06-11T10:00:00.000Z')
  expect(add('2025-06-06T16:00:00Z', 'P1D', calendar)).toBe('2025-06-11T16:00:00.000Z')
})

test('addDuration() takes a day for a day, however short its hours', () => {
  const calendar = office({ workingHours: { ...weekdays, mon: ['10:00', '12:00'] } })
  // Half of Friday is gone: half of Monday goes too.
  expect(add('2025-06-06T13:00:00Z', 'P1D', calendar)).toBe('2025-06-09T11:00:00.000Z')
})

test('addDuration() reads working hours in the zone of the calendar', () => {
  const calendar = office({ timeZone: 'Asia/Tokyo' })
  expect(add('2025-06-05T23:00:00Z', 'PT2H', calendar)).toBe('2025-06-06T02:00:00.000Z')
  // In Tokyo it is Saturday already.
  expect(add('2025-06-06T16:00:00Z', 'PT1H', calendar)).toBe('2025-06-09T01:00:00.000Z')
})

test.each([
  // Clocks are put forward on Sunday 2025-03-30, and back on Sunday 2025-10-26.
  ['over the change to summer time', '2025-03-28T15:30:00Z', 'PT1H', '2025-03-31T07:30:00.000Z'],
  ['over the change to winter time', '2025-10-24T14:30:00Z', 'PT1H', '2025-10-27T08:30:00.000Z'],
  ['a day over the change', '2025-10-24T10:00:00Z', 'P1D', '2025-10-27T11:00:00.000Z'],
])('addDuration() keeps local hours %s', (_, ...[from, text, expected]) => {
  expect(add(from, text, office({ timeZone: 'Europe/Berlin' }))).toBe(expected)
})

const night = { sun: ['00:00', '04:00'], mon: ['00:00', '04:00'] } as const

test('addDuration() counts the hours that really pass on a day of a clock change', () => {
  const berlin = office({ timeZone: 'Europe/Berlin', workingHours: night })
  // 02:00 to 03:00 does not exist on 2025-03-30: three hours are worked.
  expect(add('2025-03-29T12:00:00Z', 'PT3H', berlin)).toBe('2025-03-30T02:00:00.000Z')
  expect(add('2025-03-29T12:00:00Z', 'PT4H', berlin)).toBe('2025-03-30T23:00:00.000Z')
  // It comes twice on 2025-10-26: five hours are worked.
  expect(add('2025-10-25T12:00:00Z', 'PT5H', berlin)).toBe('2025-10-26T03:00:00.000Z')
})

test('addDuration() takes a time that comes twice from its first to its last', () => {
  const hours = { sun: ['02:00', '02:30'] } as const
  const berlin = office({ timeZone: 'Europe/Berlin', workingHours: hours })
  expect(add('2025-10-25T12:00:00Z', 'PT1H', berlin)).toBe('2025-10-26T01:00:00.000Z')
  expect(add('2025-10-25T12:00:00Z', 'PT90M', berlin)).toBe('2025-10-26T01:30:00.000Z')
})

test('addDuration() leaves out hours that a clock change takes away whole', () => {
  const hours = { sun: ['02:00', '03:00'], mon: ['09:00', '10:00'] } as const
  const berlin = office({ timeZone: 'Europe/Berlin', workingHours: hours })
  expect(add('2025-03-29T12:00:00Z', 'PT30M', berlin)).toBe('2025-03-31T07:30:00.000Z')
})

test('addDuration() knows a zone that left a whole day out', () => {
  const hours = { fri: nineToFive, sat: nineToFive } as const
  const apia = office({ timeZone: 'Pacific/Apia', workingHours: hours })
  // Samoa went from Thursday 2011-12-29 to Saturday 2011-12-31.
  expect(add('2011-12-30T08:00:00Z', 'PT1H', apia)).toBe('2011-12-30T20:00:00.000Z')
})

test('addDuration() takes 24:00 for the end of the day', () => {
  const always = Object.fromEntries(
    ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => [day, ['00:00', '24:00']]),
  ) as Calendar['workingHours']
  const berlin = office({ timeZone: 'Europe/Berlin', workingHours: always })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 8_000 }),
      fc.integer({ min: 1, max: 500 }),
      (start, hours) => {
        const from = new Date(Date.UTC(2025, 0, 1) + start * 3_600_000).toISOString()
        expect(add(from, `PT${hours}H`, berlin)).toBe(add(from, `PT${hours}H`))
      },
    ),
    { numRuns: 20 },
  )
})

test('addDuration() finds a later end for a later start and for a longer time', () => {
  const zones = fc.constantFrom('UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe')
  const quarters = fc.integer({ min: 0, max: 35_000 })
  const lengths = fc.integer({ min: 1, max: 1_500 })
  fc.assert(
    fc.property(zones, fc.tuple(quarters, quarters), lengths, (timeZone, [one, other], minutes) => {
      const calendar = office({ timeZone, workingHours: { ...weekdays, ...night } })
      const at = (quarter: number): string =>
        new Date(Date.UTC(2025, 0, 1) + quarter * 900_000).toISOString()
      const [early, late] = [at(Math.min(one, other)), at(Math.max(one, other))]
      const end = add(early, `PT${minutes}M`, calendar)
      expect(end <= add(late, `PT${minutes}M`, calendar)).toBe(true)
      expect(end < add(early, `PT${minutes + 1}M`, calendar)).toBe(true)
      // In parts it takes as long as in one.
      expect(add(end, 'PT7M', calendar)).toBe(add(early, `PT${minutes + 7}M`, calendar))
    }),
    { numRuns: 20 },
  )
})

test('addDuration() says when a calendar has too little working time', () => {
  const hours = { mon: ['09:00', '09:01'] } as const
  expect(() => add('2025-06-06T10:00:00Z', 'PT43000H', office({ workingHours: hours }))).toThrow(
    expect.objectContaining({ code: 'deadline_unreachable' }),
  )
})
