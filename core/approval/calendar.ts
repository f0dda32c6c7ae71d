import { DateTime } from 'luxon'
import { AppError } from '../errors.ts'
import { MS_PER_DAY, type Duration } from './duration.ts'

/** Monday first, as ISO 8601 counts weekdays from 1. */
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
type Weekday = (typeof weekdays)[number]

/** When people work: local times `HH:MM` (the end may be 24:00), and days off as `YYYY-MM-DD`. */
export type Calendar = {
  readonly timeZone: string
  readonly workingHours: Readonly<Partial<Record<Weekday, readonly [string, string] | undefined>>>
  readonly holidays: readonly string[]
}

type Span = { readonly startMs: number; readonly endMs: number }

// Longer than any duration under the emptiest calendar that a policy may have.
const MAX_DAYS = 30_000

/**
 * The first instant at which the duration has passed since `from`. With a calendar only working time
 * passes: hours as the clock runs within working hours, a day from one point of a working day to the
 * same point of the next, a week as many days as its working days.
 */
export function addDuration(from: Date, duration: Duration, calendar?: Calendar): Date {
  const { weeks, days, ms } = duration
  if (!calendar) return new Date(from.getTime() + (weeks * 7 + days) * MS_PER_DAY + ms)
  const workingDays = weeks * Object.keys(calendar.workingHours).length + days
  const afterDays = addWorkingDays(from.getTime(), workingDays, calendar)
  return new Date(addWorkingMs(afterDays, ms, calendar))
}

function addWorkingDays(fromMs: number, days: number, calendar: Calendar): number {
  if (days === 0) return fromMs
  let ahead = days
  let share: number | undefined
  for (const { startMs, endMs } of workingSpans(fromMs, calendar)) {
    const length = endMs - startMs
    share ??= Math.max(0, fromMs - startMs) / length
    // A day that begins with working hours is over when they are.
    if (ahead === 1 && share === 0) return endMs
    if (ahead === 0) return Math.round(startMs + share * length)
    ahead -= 1
  }
  return throwUnreachable()
}

function addWorkingMs(fromMs: number, ms: number, calendar: Calendar): number {
  if (ms === 0) return fromMs
  let left = ms
  for (const { startMs, endMs } of workingSpans(fromMs, calendar)) {
    const beginMs = Math.max(startMs, fromMs)
    if (left <= endMs - beginMs) return beginMs + left
    left -= endMs - beginMs
  }
  return throwUnreachable()
}

/** The working hours of each day in order, from the first that are not over at `fromMs`. */
function* workingSpans(fromMs: number, calendar: Calendar): Generator<Span, void, undefined> {
  const holidays = new Set(calendar.holidays)
  const first = DateTime.fromMillis(fromMs, { zone: calendar.timeZone })
  for (let day = 0; day < MAX_DAYS; day += 1) {
    // By calendar date: midnight need not exist on a day of a clock change.
    const date = DateTime.utc(first.year, first.month, first.day).plus({ days: day })
    const hours = calendar.workingHours[weekdayOf(date)]
    if (!hours || holidays.has(date.toFormat('yyyy-MM-dd'))) continue
    const startMs = Math.min(...instantsOf(date, hours[0], calendar.timeZone))
    const endMs = Math.max(...instantsOf(date, hours[1], calendar.timeZone))
    if (endMs > startMs && endMs > fromMs) yield { startMs, endMs }
  }
}

function weekdayOf(date: DateTime): Weekday {
  return weekdays[date.weekday - 1] ?? 'mon'
}

// Twice where clocks are put back over it; one that is skipped comes as much later as is skipped.
function instantsOf(date: DateTime, time: string, zone: string): number[] {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  const { year, month, day } = date
  const local = DateTime.fromObject({ year, month, day, hour, minute }, { zone })
  return local.getPossibleOffsets().map((instant) => instant.toMillis())
}

function throwUnreachable(): never {
  throw new AppError(
    'deadline_unreachable',
    'Cannot find a deadline: the calendar has too little working time',
    { status: 422 },
  )
}
