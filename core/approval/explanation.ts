import { isPending, type Approval, type Electorate, type Tally, type Timer } from './approval.ts'
import { countSeats, findSeats, type Seats } from './eligibility.ts'
import { getStage } from './policy.ts'
import { tallyStage } from './tally.ts'

/** What keeps an approval from being decided, for people and for programs. */
export type Explanation = {
  /** One sentence a point, most important first. */
  readonly why: readonly string[]
  readonly seats: Seats
  readonly tally: Tally
  /** Approvals that are still missing. */
  readonly missing: number
  /** False when fewer people may decide than the quorum needs. */
  readonly isReachable: boolean
  readonly timers: readonly ExplainedTimer[]
}

export type ExplainedTimer = Pick<Timer, 'kind' | 'at'> & {
  /** What happens then. */
  readonly effect: string
}

/** Says why an approval is not decided yet; undefined for one that is closed. */
export function explain(approval: Approval, electorate: Electorate): Explanation | undefined {
  if (!isPending(approval.state)) return undefined
  const seats = findSeats(approval, electorate)
  const tally = tallyStage(approval, electorate)
  const count = countSeats(approval, electorate)
  const isReachable = count === undefined || count >= tally.needed
  const missing = Math.max(0, tally.needed - tally.approve)
  return {
    why: listReasons(approval, { seats, tally, count }),
    seats,
    tally,
    missing,
    isReachable,
    timers: listTimers(approval),
  }
}

type Facts = {
  readonly seats: Seats
  readonly tally: Tally
  readonly count: number | undefined
}

function listReasons(approval: Approval, { seats, tally, count }: Facts): string[] {
  const { stage, policy, state, isEscalated } = approval
  const name = `Stage ${stage} of ${policy.stages.length} ("${getStage(policy, stage).name}")`
  const isQuorate = tally.approve >= tally.needed
  return [
    ...(state === 'info-requested'
      ? ['It waits for the answer to a question; nobody can vote']
      : []),
    isQuorate
      ? `${name} has enough approvals by now: the next vote decides it`
      : `${name} has ${tally.approve} of ${tally.needed} approvals`,
    describeDeciders(seats),
    ...(seats.isFallback ? ["The fallback group decides: nobody of the stage's own can"] : []),
    ...(isEscalated ? ['It was escalated'] : []),
    ...(count !== undefined && count < tally.needed
      ? [`Only ${count} may decide: the quorum cannot be reached unless the groups change`]
      : []),
  ]
}

function describeDeciders({ groups, scope }: Seats): string {
  const names = groups.map((group) => `"${group}"`).join(' and ')
  const others = groups.length === 0 ? '' : `, and members of ${names}`
  if (!scope) return `Members of ${names} decide, save requester and beneficiary`
  const tenant = scope.tenant === undefined ? 'no tenant' : `tenant "${scope.tenant}"`
  return `Whoever has the scope "${scope.name}" in ${tenant} decides${others}`
}

function listTimers({ timers, stage, policy }: Approval): ExplainedTimer[] {
  const { escalation } = getStage(policy, stage)
  return timers
    .filter((timer) => !timer.isSpent && (timer.stage ?? stage) === stage)
    .map(({ kind, at }) => ({ kind, at, effect: describeTimer(kind, escalation?.group) }))
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
}

function describeTimer(kind: Timer['kind'], group: string | undefined): string {
  switch (kind) {
    case 'reminder':
      return 'Its approvers are reminded'
    case 'escalation':
      return `Members of "${group}" may decide too`
    case 'expiry':
      return 'It expires: that is a denial'
    default:
      return kind satisfies never
  }
}
