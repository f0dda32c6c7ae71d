import type { ProviderSettings } from './provider.ts'
import type { RosterKind, RosterMode } from './source.ts'

export type RosterSchedule = {
  readonly mode: RosterMode
  readonly when: { readonly everyMs: number } | { readonly cron: string; readonly timeZone: string }
  /** Spreads the starts of many providers. */
  readonly jitterMs: number
}

type Scheduled = {
  readonly id: string
  readonly kind: RosterKind
  readonly settings: Pick<ProviderSettings, 'schedule' | 'timeZone'>
}

const MS_PER_SECOND = 1_000
const MAX_JITTER_MS = 60_000
const JITTER_SHARE = 0.1
const FULL_JITTER_MS = 300_000
const MINUTES = 60
const DAYS = 7
/** From one to five in the morning. */
const FIRST_HOUR = 1
const HOURS = 4

/**
 * When a provider runs by itself: incremental runs as its settings say, and full ones once a week, or
 * each night for ClassLink, which sends no tombstones. None where the settings say null.
 */
export function listRosterSchedules(
  { id, kind, settings }: Scheduled,
  { intervalSeconds }: { readonly intervalSeconds: number },
): RosterSchedule[] {
  const { schedule = { everySeconds: intervalSeconds }, timeZone } = settings
  if (schedule === null) return []
  const full = { cron: chooseNight(id, kind), timeZone }
  return [
    { mode: 'incremental', ...readWhen(schedule, timeZone) },
    { mode: 'full', when: full, jitterMs: FULL_JITTER_MS },
  ]
}

function readWhen(
  schedule: NonNullable<ProviderSettings['schedule']>,
  timeZone: string,
): Pick<RosterSchedule, 'when' | 'jitterMs'> {
  if ('cron' in schedule) {
    const when = { cron: schedule.cron, timeZone: schedule.timeZone ?? timeZone }
    return { when, jitterMs: MAX_JITTER_MS }
  }
  const everyMs = schedule.everySeconds * MS_PER_SECOND
  const jitterMs = Math.min(MAX_JITTER_MS, Math.floor(everyMs * JITTER_SHARE))
  return { when: { everyMs }, jitterMs }
}

// The same for one provider always, different ones spread over the hours of the night.
function chooseNight(id: string, kind: RosterKind): string {
  const seed = Number.parseInt(id.replaceAll('-', '').slice(-8), 16)
  const minute = seed % MINUTES
  const hour = FIRST_HOUR + (Math.floor(seed / MINUTES) % HOURS)
  const weekday = kind === 'classlink' ? '*' : String(Math.floor(seed / (MINUTES * HOURS)) % DAYS)
  return `${minute} ${hour} * * ${weekday}`
}
