import { DateTime } from 'luxon'
import { parseDuration, type Duration } from '../approval/duration.ts'
import { WEEKLY, type Pause } from './pause-schema.ts'

/** Monday first, as ISO 8601 counts weekdays from 1. */
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const DAYS_OF_WEEK = 7

type Span = { readonly from: DateTime; readonly until: DateTime }

/**
 * The pause that `now` is in, with the first instant after it; pauses that touch are one. A local
 * time that a clock change skips begins or ends as much later as is skipped; of one that comes twice
 * a pause begins with the first and ends with the second.
 */
export function findPause(
  pauses: readonly Pause[],
  timeZone: string,
  now: Date,
): { readonly until: Date } | undefined {
  let until = now.getTime()
  // A longer way than this leads through nothing but pauses.
  for (let step = 0; step <= pauses.length * DAYS_OF_WEEK; step += 1) {
    const end = Math.max(...pauses.map((pause) => findEnd(pause, timeZone, until) ?? 0), 0)
    if (end <= until) break
    until = end
  }
  return until > now.getTime() ? { until: new Date(until) } : undefined
}

// Where the pause ends that this instant is in.
function findEnd(pause: Pause, timeZone: string, atMs: number): number | undefined {
  const spans =
    'from' in pause ? [toSpan(pause, timeZone)] : listWeeklySpans(pause, { timeZone, atMs })
  return spans
    .filter(({ from, until }) => from.toMillis() <= atMs && atMs < until.toMillis())
    .map(({ until }) => until.toMillis())
    .toSorted((one, other) => other - one)[0]
}

function toSpan(pause: { readonly from: string; readonly to: string }, zone: string): Span {
  return {
    from: first(DateTime.fromISO(pause.from, { zone })),
    until: last(DateTime.fromISO(pause.to, { zone })),
  }
}

// The one of this week and the one of the week before, which may reach into this one.
function listWeeklySpans(
  pause: { readonly weekly: string; readonly for: string },
  { timeZone: zone, atMs }: { readonly timeZone: string; readonly atMs: number },
): Span[] {
  const [, weekday = '', hour = '', minute = ''] = WEEKLY.exec(pause.weekly) ?? []
  const today = DateTime.fromMillis(atMs, { zone })
  const sinceThen = today.weekday - 1 - weekdays.indexOf(weekday.toLowerCase())
  const length = parseDuration(pause.for)
  if (!length) return []
  return [0, DAYS_OF_WEEK].map((earlier) => {
    const back = ((sinceThen + DAYS_OF_WEEK) % DAYS_OF_WEEK) + earlier
    // By calendar date: midnight need not exist on a day of a clock change.
    const date = DateTime.utc(today.year, today.month, today.day).minus({ days: back })
    const start = { hour: Number(hour), minute: Number(minute) }
    return {
      from: first(atLocal(date, start, zone)),
      until: last(addLocal({ date, ...start }, length, zone)),
    }
  })
}

type LocalTime = { readonly hour: number; readonly minute: number }

function atLocal(date: DateTime, time: LocalTime, zone: string): DateTime {
  const { year, month, day } = date
  return DateTime.fromObject({ year, month, day, ...time }, { zone })
}

// Days and weeks by the calendar; hours as the clock runs.
function addLocal(
  { date, hour, minute }: LocalTime & { readonly date: DateTime },
  { weeks, days, ms }: Duration,
  zone: string,
): DateTime {
  const end = atLocal(date.plus({ weeks, days }), { hour, minute }, zone)
  return ms === 0 ? end : first(end).plus({ milliseconds: ms })
}

function first(time: DateTime): DateTime {
  return (
    time.getPossibleOffsets().toSorted((one, other) => one.toMillis() - other.toMillis())[0] ?? time
  )
}

function last(time: DateTime): DateTime {
  return (
    time.getPossibleOffsets().toSorted((one, other) => other.toMillis() - one.toMillis())[0] ?? time
  )
}
