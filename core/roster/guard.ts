import type { GuardJudgement, GuardRule, RosterType } from './run.ts'
import type { GuardLimits } from './rules.ts'

/** What a plan would do to the records of one type. */
export type TypeShape = {
  readonly type: RosterType
  /** At the target, by what was applied. */
  readonly active: number
  /** Of active ones: who comes back is none. */
  readonly updates: number
  /** Deletions among them. */
  readonly deactivations: number
  /** In the source as it was last applied, and now. */
  readonly before: number
  readonly now: number
}

/** What a plan would do to the people of one school. */
export type SchoolShape = {
  readonly school: string
  readonly active: number
  readonly created: number
  readonly deactivations: number
}

export type PlanShape = {
  readonly types: readonly TypeShape[]
  /** Those with deactivations, in the order of their ids. */
  readonly schools: readonly SchoolShape[]
  /** What would be deactivated is left out: only what is done counts. */
  readonly addsOnly: boolean
}

const PERCENT = 100
const LEAVERS_ALONE: ReadonlySet<GuardRule> = new Set(['deactivations', 'shrunk', 'empty'])
// Everybody, save for a few whose ids stayed the same.
const REKEYED_SHARE = 0.9

/** Every rule as it judges a plan, tripped or not; "more than" is strict. */
export function judgePlan(shape: PlanShape, limits: GuardLimits): GuardJudgement[] {
  const { types, schools, addsOnly } = shape
  const updates = types.map((type) => judgeUpdates(type, limits))
  if (addsOnly) return updates
  return [
    ...types.map((type) => judgeDeactivations(type, limits)),
    ...schools.map((school) => judgeSchool(school, limits)),
    ...updates,
    ...types.map((type) => judgeShrunk(type, limits)),
    ...types.map(judgeEmpty),
    ...(limits.rekeyed ? schools.map(judgeRekeyed) : []),
  ]
}

/** True when adds and updates may go on by themselves: nothing is wrong but who leaves. */
export function mayApplyRest(judgements: readonly GuardJudgement[]): boolean {
  return judgements.every(({ rule, tripped }) => !tripped || LEAVERS_ALONE.has(rule))
}

function judge(judgement: Omit<GuardJudgement, 'tripped'>): GuardJudgement {
  return { ...judgement, tripped: judgement.count > judgement.limit }
}

function deactivationLimit(active: number, { deactivations }: GuardLimits): number {
  return Math.max(deactivations.atLeast, (active * deactivations.percent) / PERCENT)
}

function judgeDeactivations(
  { type, active, deactivations: count }: TypeShape,
  limits: GuardLimits,
): GuardJudgement {
  return judge({ rule: 'deactivations', type, count, limit: deactivationLimit(active, limits) })
}

function judgeSchool(shape: SchoolShape, limits: GuardLimits): GuardJudgement {
  const { school, active, deactivations: count } = shape
  const limit = deactivationLimit(active, limits)
  return judge({ rule: 'deactivations', type: 'users', school, count, limit })
}

function judgeUpdates({ type, active, updates }: TypeShape, limits: GuardLimits): GuardJudgement {
  const limit = (active * limits.updates.percent) / PERCENT
  return judge({ rule: 'updates', type, count: updates, limit })
}

function judgeShrunk({ type, before, now }: TypeShape, limits: GuardLimits): GuardJudgement {
  const limit = (before * limits.shrunk.percent) / PERCENT
  return judge({ rule: 'shrunk', type, count: Math.max(before - now, 0), limit })
}

// The count is of the active ones that a source without any would end.
function judgeEmpty({ type, active, now }: TypeShape): GuardJudgement {
  return judge({ rule: 'empty', type, count: now === 0 ? active : 0, limit: 0 })
}

// Of one person alone it can't be told from a leaver and a newcomer.
function judgeRekeyed({ school, active, created, deactivations }: SchoolShape): GuardJudgement {
  const limit = Math.max(1, Math.ceil(active * REKEYED_SHARE) - 1)
  const count = Math.min(created, deactivations)
  return judge({ rule: 're-keyed', type: 'users', school, count, limit })
}
