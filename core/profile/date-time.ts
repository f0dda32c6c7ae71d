import { isCalendarDate } from '../calendar-date.ts'

const TIME =
  /^[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/
const DATE_LENGTH = 10

/** True for a date-time of RFC 3339 §5.6; a leap second is none, since instants are compared. */
export function isDateTime(text: string): boolean {
  return isCalendarDate(text.slice(0, DATE_LENGTH)) && TIME.test(text.slice(DATE_LENGTH))
}

/** Whether one date-time is an earlier instant than another, to the last digit of their fractions. */
export function isEarlier(one: string, other: string): boolean {
  const [oneMs, otherMs] = [Date.parse(one), Date.parse(other)]
  if (oneMs !== otherMs) return oneMs < otherMs
  const [oneRest, otherRest] = [finerThanMs(one), finerThanMs(other)]
  const length = Math.max(oneRest.length, otherRest.length)
  return oneRest.padEnd(length, '0') < otherRest.padEnd(length, '0')
}

// The clock's own parser reads milliseconds and leaves out what is finer.
function finerThanMs(text: string): string {
  return /\.\d{3}(\d+)/.exec(text)?.[1] ?? ''
}
