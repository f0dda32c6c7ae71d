import type { Timer } from './approval.ts'
import { addDuration } from './calendar.ts'
import { parseDuration, type Duration } from './duration.ts'
import { getStage, type Policy } from './policy.ts'

/** When an approval expires that opens at `openedAt`. */
export function findExpiry(policy: Policy, openedAt: Date): Date {
  return addToPolicyTime(policy, openedAt, policy.expiresAfter)
}

/** The timers that run from the opening on: reminders, the first stage's escalation, expiry. */
export function listOpeningTimers(policy: Policy, openedAt: Date): Timer[] {
  const expiresAt = findExpiry(policy, openedAt)
  const reminders = (policy.reminders ?? []).map((after): Timer => ({
    kind: 'reminder',
    at: addToPolicyTime(policy, openedAt, after),
    isSpent: false,
  }))
  return [
    // One that falls together with the end reminds nobody.
    ...reminders.filter(({ at }) => at < expiresAt),
    ...listStageTimers(policy, { stage: 1, startedAt: openedAt }),
    { kind: 'expiry', at: expiresAt, isSpent: false },
  ]
}

/** The timers that run from the beginning of a stage on. */
export function listStageTimers(
  policy: Policy,
  { stage, startedAt }: { readonly stage: number; readonly startedAt: Date },
): Timer[] {
  const { escalation } = getStage(policy, stage)
  if (!escalation) return []
  const at = addToPolicyTime(policy, startedAt, escalation.after)
  return [{ kind: 'escalation', at, stage, isSpent: false }]
}

/** The timer that comes next; undefined when all are spent. */
export function findNextTimer(timers: readonly Timer[]): Timer | undefined {
  return timers
    .filter(({ isSpent }) => !isSpent)
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())[0]
}

function addToPolicyTime(policy: Policy, from: Date, text: string): Date {
  return addDuration(from, readDuration(text), policy.calendar)
}

// A policy is checked before it is kept.
function readDuration(text: string): Duration {
  const duration = parseDuration(text)
  if (!duration) throw new RangeError(`Cannot read the duration "${text}"`)
  return duration
}
