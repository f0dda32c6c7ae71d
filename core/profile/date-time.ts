import { isCalendarDate } from '../calendar-date.ts'

const TIME =
  /^[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/
const DATE_LENGTH = 10

/** True for a date-time of RFC 3339 §5.6; a leap second is none, since instants are compared. */
export function isDateTime(text: string): boolean {
  return isCalendarDate(text.slice(0, DATE_LENGTH)) && TIME.test(text.slice(DATE_LENGTH))
}
