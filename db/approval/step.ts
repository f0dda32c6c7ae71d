import {
  isPending,
  type Approval,
  type ApprovalEvent,
  type ApprovalEventName,
} from '../../core/approval/approval.ts'
import { findNextTimer } from '../../core/approval/deadlines.ts'
import { findOwnSeats } from '../../core/approval/eligibility.ts'
import type { Step } from '../../core/approval/step.ts'
import { appendAudit, type AuditCause, type AuditEntry } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { announce } from './announce.ts'
import { appendHistory, type HistoryEntry } from './history.ts'
import type { LockedApproval } from './lock.ts'
import type { StoredApproval } from './rows.ts'

/** Who brought a step about, and why. */
export type StepCause = {
  /** The login as given; absent where time or the product itself did it. */
  readonly actor?: string | undefined
  /** Added to what the audit log says of each event: the request, the run. */
  readonly cause: AuditCause
}

// Nobody in particular does these, whatever else the same step holds.
const UNATTENDED: ReadonlySet<ApprovalEventName> = new Set([
  'reminded',
  'escalated',
  'expired',
  'applied',
  'apply-failed',
])

const AUDIT_ACTIONS: Readonly<Partial<Record<ApprovalEventName, string>>> = {
  opened: 'approval.opened',
  voted: 'vote.cast',
  'vote-refused': 'vote.refused',
  delegated: 'approval.delegated',
  approved: 'approval.decided',
  denied: 'approval.decided',
  expired: 'approval.decided',
  withdrawn: 'approval.withdrawn',
  superseded: 'approval.superseded',
  applied: 'approval.applied',
  'apply-failed': 'approval.apply-failed',
  revoked: 'approval.revoked',
}
// Codes and counts; what people wrote stays in the history.
const AUDITED_DETAILS = ['stage', 'verdict', 'code']
const SELF = 'registrar'

/** Keeps what a step did to a locked approval: the row, its history, the audit log, who is to be told. */
export async function writeStep(
  tx: Queryable,
  locked: LockedApproval,
  { step, by }: { readonly step: Step; readonly by: StepCause },
): Promise<void> {
  const { stored, moment } = locked
  if (step.approval !== stored.approval) await updateRow(tx, locked, step)
  const entries = step.events.map((event) => toEntry(event, { by, at: moment.now }))
  await recordEvents(tx, stored, { entries, approval: step.approval, cause: by.cause })
  await announce(tx, { stored, approval: step.approval, events: step.events, moment })
}

/** Appends to the history and the audit log what happened to an approval. */
export async function recordEvents(
  tx: Queryable,
  stored: Pick<StoredApproval, 'id' | 'type' | 'subject'>,
  told: {
    readonly entries: readonly HistoryEntry[]
    readonly approval: Pick<Approval, 'state' | 'tenant'>
    readonly cause: AuditCause
  },
): Promise<void> {
  await appendHistory(tx, stored.id, told.entries)
  await appendAudit(
    tx,
    told.entries.flatMap((entry) => toAudit(stored, entry, told)),
  )
}

/** What lists and the inbox look at: who decides the present stage. */
export function listSeatColumns(
  approval: Approval,
): [readonly string[], string | null, string | null] {
  const { groups, scope } = findOwnSeats(approval)
  return [groups, scope?.name ?? null, scope?.tenant ?? null]
}

/** When the run of an approval has something to do at the latest. */
export function findWakeTime({ state, timers }: Approval, now: Date): Date | undefined {
  if (isPending(state)) return findNextTimer(timers)?.at
  return state === 'applied' || state === 'apply-failed' ? undefined : now
}

async function updateRow(
  tx: Queryable,
  { stored, moment }: LockedApproval,
  step: Step,
): Promise<void> {
  const { approval, events } = step
  const failure = events.find(({ event }) => event === 'apply-failed')?.detail?.['code']
  const isClosed = !isPending(approval.state)
  const [groups, scope, tenant] = listSeatColumns(approval)
  await tx.query({
    name: 'write-approval-step',
    text: `update approvals
           set state = $2::text, stage = $3::integer, is_escalated = $4::boolean,
             timers = $5::jsonb, tallies = $6::jsonb, failure_code = $7::text,
             closed_at = coalesce(closed_at, $8::timestamptz), deciding_groups = $9::text[],
             deciding_scope = $10::text, deciding_tenant = $11::text, wake_at = $12::timestamptz,
             version = version + 1,
             -- A revocation is another end, of which the domain has to hear.
             settled_at = case when state = $2::text then settled_at end
           where id = $1::uuid`,
    values: [
      stored.id,
      approval.state,
      approval.stage,
      approval.isEscalated,
      JSON.stringify(approval.timers),
      JSON.stringify(approval.tallies),
      failure ?? null,
      isClosed ? moment.now : null,
      groups,
      scope,
      tenant,
      findWakeTime(approval, moment.now) ?? null,
    ],
  })
}

function toEntry(
  { event, detail }: ApprovalEvent,
  { by, at }: { readonly by: StepCause; readonly at: Date },
): HistoryEntry {
  return { at, event, detail, actor: UNATTENDED.has(event) ? undefined : by.actor }
}

function toAudit(
  stored: Pick<StoredApproval, 'id' | 'type' | 'subject'>,
  { event, actor, detail = {} }: HistoryEntry,
  {
    approval: { state, tenant },
    cause,
  }: { readonly approval: Pick<Approval, 'state' | 'tenant'>; readonly cause: AuditCause },
): AuditEntry[] {
  const action = AUDIT_ACTIONS[event]
  if (action === undefined) return []
  const said = Object.entries(detail).filter(([name]) => AUDITED_DETAILS.includes(name))
  return [
    {
      actor: actor ?? SELF,
      action,
      subject: { type: 'approval', id: stored.id },
      after: toHash(stored.subject.hash),
      cause: {
        ...cause,
        ...(tenant !== undefined && { tenant }),
        type: stored.type,
        state,
        ...Object.fromEntries(said),
      },
    },
  ]
}

// What was decided on; hashes of subjects are hex as a rule.
function toHash(hash: string): Buffer | undefined {
  return /^(?:[0-9a-f]{2})+$/.test(hash) ? Buffer.from(hash, 'hex') : undefined
}
