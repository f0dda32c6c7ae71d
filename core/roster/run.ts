export const rosterRunStates = [
  'queued',
  'pulling',
  'planning',
  'held',
  'applying',
  'succeeded',
  'partial',
  'failed',
  'stopped',
  'discarded',
] as const
export type RosterRunState = (typeof rosterRunStates)[number]

/** The states in which a run holds its provider's lock. */
export const runningStates: ReadonlySet<RosterRunState> = new Set([
  'queued',
  'pulling',
  'planning',
  'applying',
])

export type RosterTrigger = 'manual' | 'schedule' | 'webhook' | 'upload'

/** What has accounts or groups at the target. */
export const rosterTypes = ['users', 'schools', 'sections'] as const
export type RosterType = (typeof rosterTypes)[number]

/** What a run is limited to: outside of it nothing is created, changed or ended. Empty lists limit nothing. */
export type RosterSelection = {
  readonly types?: readonly RosterType[] | undefined
  /** Ids of the source. */
  readonly schools?: readonly string[] | undefined
  readonly grades?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
}

export const noTypeCounts = {
  fetched: 0,
  created: 0,
  updated: 0,
  deactivated: 0,
  unchanged: 0,
  failed: 0,
}
export type RosterTypeCounts = Readonly<Record<keyof typeof noTypeCounts, number>>
export type RosterCounts = Readonly<Partial<Record<RosterType, RosterTypeCounts>>>

export const guardRules = ['deactivations', 'updates', 'shrunk', 'empty', 're-keyed'] as const
export type GuardRule = (typeof guardRules)[number]

/** One rule as it was judged: `tripped` when `count` is more than `limit`. */
export type GuardJudgement = {
  readonly rule: GuardRule
  readonly type?: RosterType
  /** The id of a school, where the rule was judged for it alone. */
  readonly school?: string
  readonly count: number
  readonly limit: number
  readonly tripped: boolean
}

/** What is said of runs to whoever subscribed. */
export const rosterEventTypes = ['roster.synced', 'roster.held', 'roster.failed'] as const
export type RosterEventType = (typeof rosterEventTypes)[number]
