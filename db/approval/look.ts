import {
  isPending,
  type ApprovalState,
  type Tally,
  type TimerKind,
} from '../../core/approval/approval.ts'
import { findNextTimer } from '../../core/approval/deadlines.ts'
import { elapse } from '../../core/approval/elapse.ts'
import { countSeats } from '../../core/approval/eligibility.ts'
import type { Moment } from '../../core/approval/step.ts'
import { tallyStage } from '../../core/approval/tally.ts'
import type { AuditCause } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { lockApproval, withStep } from './lock.ts'
import type { StoredApproval } from './rows.ts'
import { writeStep } from './step.ts'

/** What a run knows of its approval: states, counts and times, nobody's name. */
export type Snapshot = {
  /** Grows with every change. */
  readonly version: number
  readonly state: ApprovalState
  readonly stage: number
  readonly stages: number
  readonly tally: Tally
  /** How many people may decide the stage; absent where a scope says it. */
  readonly seats?: number
  /** What the run has to do: wait for votes and times, bring the effect about, tell the domain of the end, or nothing. */
  readonly duty: 'wait' | 'apply' | 'settle' | 'none'
  /** What to wake up for, in milliseconds from now. */
  readonly nextTimer?: { readonly kind: TimerKind; readonly inMs: number }
}

/** Does what timers that are due do, and says how the approval stands. */
export async function lookAtApproval(
  tx: Queryable,
  { approvalId, cause }: { readonly approvalId: string; readonly cause: AuditCause },
): Promise<Snapshot> {
  const locked = await lockApproval(tx, approvalId)
  const { stored, moment } = locked
  const step = elapse(stored.approval, moment.now)
  await writeStep(tx, locked, { step, by: { cause: { requestId: stored.requestId, ...cause } } })
  return createSnapshot(withStep(stored, step), moment)
}

type Standing = Pick<StoredApproval, 'approval' | 'version' | 'settledAt'>

/** How an approval stands at a moment, for its run. */
export function createSnapshot(stored: Standing, { electorate, now }: Moment): Snapshot {
  const { approval, version } = stored
  const { state, stage, policy, timers, tallies } = approval
  const isWaiting = isPending(state)
  const seats = countSeats(approval, electorate)
  const next = isWaiting ? findNextTimer(timers) : undefined
  const last = tallies[stage - 1] ?? { approve: 0, deny: 0, needed: 0 }
  return {
    version,
    state,
    stage,
    stages: policy.stages.length,
    tally: isWaiting ? tallyStage(approval, electorate) : last,
    ...(seats !== undefined && { seats }),
    duty: findDuty(stored),
    ...(next && {
      nextTimer: { kind: next.kind, inMs: Math.max(0, next.at.getTime() - now.getTime()) },
    }),
  }
}

function findDuty({ approval: { state }, settledAt }: Standing): Snapshot['duty'] {
  switch (state) {
    case 'open':
    case 'info-requested':
      return 'wait'
    case 'approved':
    case 'applying':
      return 'apply'
    case 'applied':
    case 'apply-failed':
      return 'none'
    case 'denied':
    case 'expired':
    case 'withdrawn':
    case 'superseded':
    case 'revoked':
      return settledAt === undefined ? 'settle' : 'none'
    default:
      return state satisfies never
  }
}
