import { z } from 'zod'
import { isCalendarDate } from '../calendar-date.ts'
import { isTimeZone } from '../time-zone.ts'
import { findGroupNameFault } from '../user/group.ts'
import { parseDuration } from './duration.ts'

const MAX_STAGES = 10
const MAX_REMINDERS = 20
const MAX_COUNT = 1_000
const MAX_HOLIDAYS = 1_000
const MAX_NAME = 100
const MAX_WEEKS = 2_500

const groupName = z
  .string()
  .refine((name) => findGroupNameFault(name) === undefined, 'It is no name for a group')
const duration = z
  .string()
  .refine(
    (text) => parseDuration(text) !== undefined,
    'It must be an ISO 8601 duration of weeks, days, hours, minutes or seconds, such as P3D',
  )
const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'It must be HH:MM')
const count = z.int().min(1).max(MAX_COUNT)
const percent = z.string().regex(/^(?:[1-9]\d?|100)%$/, 'It must be from 1% to 100%')

const approvers = z.union([
  z.strictObject({ group: groupName }),
  z.strictObject({ scope: z.string().regex(/^\S{1,200}$/), tenant: z.string().min(1).optional() }),
])

const stage = z
  .strictObject({
    name: z.string().trim().min(1).max(MAX_NAME),
    approvers,
    quorum: z.union([count, percent]),
    denyThreshold: count.optional(),
    escalation: z.strictObject({ after: duration, group: groupName }).optional(),
  })
  .refine(({ approvers: who, quorum }) => 'group' in who || typeof quorum === 'number', {
    path: ['quorum'],
    message: 'It must be a number where a scope names the approvers: nobody can count them',
  })

const hours = z
  .tuple([timeOfDay, timeOfDay])
  .refine(([from, to]) => from < to, 'It must end after it begins, on the same day')

const calendar = z.strictObject({
  timeZone: z.string().refine(isTimeZone, 'It must be a time zone such as Europe/Berlin'),
  workingHours: z
    .strictObject({
      mon: hours.optional(),
      tue: hours.optional(),
      wed: hours.optional(),
      thu: hours.optional(),
      fri: hours.optional(),
      sat: hours.optional(),
      sun: hours.optional(),
    })
    .refine((week) => Object.keys(week).length > 0, 'It needs a working day'),
  holidays: z
    .array(z.string().refine(isCalendarDate, 'It must be a date YYYY-MM-DD'))
    .max(MAX_HOLIDAYS)
    .default([]),
})

const document = z.strictObject({
  stages: z.array(stage).min(1).max(MAX_STAGES),
  /** After the opening. */
  reminders: z.array(duration).max(MAX_REMINDERS).optional(),
  expiresAfter: duration,
  fallbackGroup: groupName.optional(),
  justification: z.enum(['optional', 'required']).optional(),
  calendar: calendar.optional(),
})

/** What a policy document may say; whoever changes it sends the whole of it. */
export const policySchema = document.refine(isWithinReach, {
  path: ['calendar', 'workingHours'],
  message: 'It has too little working time for the durations of this policy',
})

/** How approvals of one type are decided. */
export type Policy = z.output<typeof policySchema>
export type PolicyStage = Policy['stages'][number]

/** The stage with this number, from 1. */
export function getStage(policy: Policy, number: number): PolicyStage {
  const found = policy.stages[number - 1]
  if (!found) throw new RangeError(`Cannot find stage ${number} of the policy`)
  return found
}

/** Every group that may come to decide under the policy. */
export function listPolicyGroups(policy: Policy): string[] {
  const groups = policy.stages.flatMap(({ approvers: who, escalation }) => [
    ...('group' in who ? [who.group] : []),
    ...(escalation ? [escalation.group] : []),
  ])
  return [...new Set([...groups, ...(policy.fallbackGroup ? [policy.fallbackGroup] : [])])]
}

/** Every scope that may come to decide under the policy. */
export function listPolicyScopes(policy: Policy): string[] {
  const scopes = policy.stages.flatMap(({ approvers: who }) => ('scope' in who ? [who.scope] : []))
  return [...new Set(scopes)]
}

// So that every deadline is found, holidays included.
function isWithinReach(policy: z.output<typeof document>): boolean {
  const { calendar: working, stages, reminders = [], expiresAfter } = policy
  const spans = Object.values(working?.workingHours ?? {}).filter((span) => span !== undefined)
  if (spans.length === 0) return true
  const weekMs = spans.reduce((sum, [from, to]) => sum + toMs(to) - toMs(from), 0)
  const escalations = stages.flatMap(({ escalation }) => (escalation ? [escalation.after] : []))
  return [expiresAfter, ...reminders, ...escalations].every((text) => {
    const { weeks = 0, days = 0, ms = 0 } = parseDuration(text) ?? {}
    return weeks + days / spans.length + ms / weekMs <= MAX_WEEKS
  })
}

function toMs(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return (hour * 60 + minute) * 60_000
}
