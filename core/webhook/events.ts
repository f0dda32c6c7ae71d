import { rosterEventTypes } from '../roster/run.ts'
import { approvalEventNames, type ApprovalEventName } from '../approval/approval.ts'

/** What is said of persons, in the form of CIS v2. */
export const profileEventTypes: readonly string[] = [
  'profile.create',
  'profile.update',
  'profile.delete',
]

/** What has become an approver's turn. */
export const approvalDigestEvent = 'approval.digest'

// Each vote is told by the decision that it leads to.
const UNTOLD: ReadonlySet<ApprovalEventName> = new Set(['voted', 'vote-refused', 'delegated'])

/** True for what happens to an approval and is said to others too. */
export function isToldApprovalEvent(name: ApprovalEventName): boolean {
  return !UNTOLD.has(name)
}

// What is said as CloudEvents.
const cloudEventTypes = [
  'license.ingested',
  'license.validation-error',
  'license.ingest-failure',
  'license.deactivation',
  'license.digest',
  'license.rollback',
  'roster.seats-changed',
  ...approvalEventNames.filter(isToldApprovalEvent).map((name) => `approval.${name}`),
  approvalDigestEvent,
  ...rosterEventTypes,
]

/** Every type of event that an endpoint can be told of. */
export const eventTypes: readonly string[] = [...profileEventTypes, ...cloudEventTypes]

const SHORT_NAMES: readonly string[] = ['create', 'update', 'delete']

/**
 * The pattern in its long form: `create`, `update` and `delete` alone speak of persons. Others are
 * types, or begin one and end in `.*`.
 */
export function toEventPattern(text: string): string {
  return SHORT_NAMES.includes(text) ? `profile.${text}` : text
}

/** True for a pattern in its long form that at least one type of event fits. */
export function isEventPattern(pattern: string): boolean {
  return eventTypes.some((type) => fits(pattern, type))
}

/** True when an endpoint with these patterns, in their long form, wants events of the type. */
export function wantsEvent(patterns: readonly string[], type: string): boolean {
  return patterns.some((pattern) => fits(pattern, type))
}

/** True when an endpoint with these patterns, in either form, wants some events of persons. */
export function wantsPersons(patterns: readonly string[]): boolean {
  const long = patterns.map(toEventPattern)
  return profileEventTypes.some((type) => wantsEvent(long, type))
}

function fits(pattern: string, type: string): boolean {
  if (!pattern.endsWith('.*')) return pattern === type
  return type.startsWith(pattern.slice(0, -1))
}
