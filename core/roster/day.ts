import type { RosterDate } from './record.ts'

/** The calendar day that an instant falls on in a time zone. */
export function dayIn(timeZone: string, at: Date): RosterDate {
  // Swedish dates are written as ISO 8601 has them.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at)
}
