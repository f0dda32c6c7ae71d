import { isTimeZone } from '../time-zone.ts'

/** When a source is pulled by itself: in milliseconds, or as cron with its time zone. */
export type SourceSchedule =
  { readonly everyMs: number } | { readonly cron: string; readonly timeZone: string }

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const CRON_FIELDS = 5

/**
 * Reads `every` of a source: a duration such as `5s`, `15m`, `1h`, or cron with a time zone after it
 * or as `CRON_TZ=` before it (`0 2 * * * Europe/Paris`); undefined for anything else.
 */
export function readSchedule(text: string): SourceSchedule | undefined {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text.trim()) ?? []
  const everyMs = Number(count) * (UNITS_MS[unit] ?? 0)
  if (everyMs > 0) return { everyMs }
  const parts = text.trim().split(/\s+/)
  const [, before] = /^(?:CRON_)?TZ=(.+)$/.exec(parts[0] ?? '') ?? []
  const fields = before === undefined ? parts : parts.slice(1)
  const timeZone = before ?? fields[CRON_FIELDS]
  const isCron =
    fields.length === (before === undefined ? CRON_FIELDS + 1 : CRON_FIELDS) &&
    fields.slice(0, CRON_FIELDS).every((field) => /^[\d*/,A-Za-z-]+$/.test(field))
  if (!isCron || timeZone === undefined || !isTimeZone(timeZone)) return undefined
  return { cron: fields.slice(0, CRON_FIELDS).join(' '), timeZone }
}
