/** An ISO 8601 duration; weeks and days stay apart, since working time gives them another length. */
export type Duration = {
  readonly weeks: number
  readonly days: number
  readonly ms: number
}

const SYNTAX =
  /^P(?=[\dT])(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,7})M)?(?:(\d{1,8}(?:\.\d{1,3})?)S)?)?$/

export const MS_PER_DAY = 86_400_000
const MS_PER_HOUR = 3_600_000
const MS_PER_MINUTE = 60_000
// Five years; years and months themselves have no fixed length.
const MAX_MS = 1_830 * MS_PER_DAY

/**
 * Reads an ISO 8601 duration of weeks, days, hours, minutes and seconds that is longer than nothing
 * and at most 1,830 days; undefined for anything else.
 */
export function parseDuration(text: string): Duration | undefined {
  const match = SYNTAX.exec(text)
  if (!match) return undefined
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((digits) => Number(digits ?? 0))
  const ms = Math.round(hours * MS_PER_HOUR + minutes * MS_PER_MINUTE + seconds * 1_000)
  const totalMs = (weeks * 7 + days) * MS_PER_DAY + ms
  return totalMs > 0 && totalMs <= MAX_MS ? { weeks, days, ms } : undefined
}
