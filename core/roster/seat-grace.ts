const SYNTAX =
  /^P(?=[\dT])(?:(\d{1,2})Y)?(?:(\d{1,2})M)?(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$/
const MONTHS_PER_YEAR = 12
const DAYS_PER_WEEK = 7
const MS_PER_DAY = 86_400_000
const MS_PER_HOUR = 3_600_000
const MS_PER_MINUTE = 60_000
const MS_PER_SECOND = 1_000

/**
 * The instant at which an ISO 8601 duration, also one of nothing, has passed since `from`, in UTC;
 * undefined for what is no duration. A month ends on the same day of the next, or on its last.
 */
export function addGrace(from: Date, duration: string): Date | undefined {
  const match = SYNTAX.exec(duration)
  if (!match) return undefined
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((digits) => Number(digits ?? 0))
  const then = addMonths(from, years * MONTHS_PER_YEAR + months)
  const ms =
    (weeks * DAYS_PER_WEEK + days) * MS_PER_DAY +
    hours * MS_PER_HOUR +
    minutes * MS_PER_MINUTE +
    seconds * MS_PER_SECOND
  return new Date(then.getTime() + ms)
}

function addMonths(from: Date, months: number): Date {
  const then = new Date(from)
  then.setUTCDate(1)
  then.setUTCMonth(then.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(then.getUTCFullYear(), then.getUTCMonth() + 1, 0)).getUTCDate()
  then.setUTCDate(Math.min(from.getUTCDate(), lastDay))
  return then
}
