import { z } from 'zod'
import { MS_PER_DAY, parseDuration } from '../approval/duration.ts'
import { isCalendarDate } from '../calendar-date.ts'

/** A weekday with a local time. */
export const WEEKLY = /^(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):([0-5]\d)$/i

const DAYS_OF_WEEK = 7
const DATE_LENGTH = 10
const TIME = /^T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?$/

const localTime = z
  .string()
  .refine(isLocalTime, 'It must be a local time such as 2027-06-15T00:00, without an offset')

/** A pause: from one local time to another, or every week from a weekday's time for a duration. */
export const pauseSchema = z.union([
  z
    .strictObject({ from: localTime, to: localTime })
    .refine(({ from, to }) => from < to, { path: ['to'], message: 'It must end after it begins' }),
  z.strictObject({
    weekly: z.string().regex(WEEKLY, 'It must be a weekday and a time, such as Sat 00:00'),
    for: z.string().refine(isBelowWeek, 'It must be an ISO 8601 duration of less than a week'),
  }),
])
export type Pause = z.output<typeof pauseSchema>

function isLocalTime(text: string): boolean {
  return isCalendarDate(text.slice(0, DATE_LENGTH)) && TIME.test(text.slice(DATE_LENGTH))
}

function isBelowWeek(text: string): boolean {
  const length = parseDuration(text)
  if (!length) return false
  const ms = (length.weeks * DAYS_OF_WEEK + length.days) * MS_PER_DAY + length.ms
  return ms < DAYS_OF_WEEK * MS_PER_DAY
}
