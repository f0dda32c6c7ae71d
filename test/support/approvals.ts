import { randomUUID } from 'node:crypto'
import { createApprovalActivities, type ApprovalActivities } from '../../activities/approval.ts'
import type { ApprovalEffect } from '../../activities/approval/effects.ts'
import { withFailures } from '../../activities/failures.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { sendUpdate, type UpdateAnswer } from '../../connectors/temporal-update.ts'
import type { TimerKind } from '../../core/approval/approval.ts'
import { policySchema } from '../../core/approval/policy.ts'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import type { DecidedApproval } from '../../db/approval/effect.ts'
import { listHistory } from '../../db/approval/history.ts'
import { openApproval, type ApprovalRequest, type QueuedRun } from '../../db/approval/open.ts'
import { addPolicyVersion, findPolicy } from '../../db/approval/policies.ts'
import { findApproval } from '../../db/approval/records.ts'
import type { StoredApproval } from '../../db/approval/rows.ts'
import { recordVote, type VoteRequest } from '../../db/approval/votes.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { addMember, createGroup, removeMember } from '../../db/user/groups.ts'
import { createUser, findUser } from '../../db/user/users.ts'
import { deleteStart } from '../../db/workflow-starts.ts'
import { approvalMessages } from '../../workflows/messages.ts'
import { waitUntil } from './polling.ts'
import type { TestTemporal } from './temporal.ts'

/** A type that has no policy of its own and no effect in the product yet. */
export const TEST_TYPE = 'asset-report'
export const TEST_HASH = '5e'.repeat(32)

/** Brings its effects about in memory, and can be told to fail. */
export class TestEffect implements ApprovalEffect {
  readonly applied: string[] = []
  readonly settled: { readonly approvalId: string; readonly state: string }[] = []
  /** Called before each attempt to apply. */
  beforeApply: (approval: DecidedApproval) => Promise<void> = async () => await Promise.resolve()
  /** The subject's hash as it is when it is applied. */
  hash: string | undefined = TEST_HASH
  isThere = true

  /** Forgets what was done and does everything right again. */
  reset(): void {
    this.applied.length = 0
    this.settled.length = 0
    this.beforeApply = async () => await Promise.resolve()
    this.hash = TEST_HASH
    this.isThere = true
  }

  readonly loadSubject = async (): Promise<{ readonly hash: string } | undefined> =>
    await Promise.resolve(this.hash === undefined ? undefined : { hash: this.hash })

  readonly apply = async (approval: DecidedApproval): Promise<void> => {
    await this.beforeApply(approval)
    this.applied.push(approval.approvalId)
  }

  readonly isApplied = async (): Promise<boolean> => await Promise.resolve(this.isThere)

  readonly settle = async ({ approvalId, state }: DecidedApproval): Promise<void> => {
    this.settled.push({ approvalId, state })
    await Promise.resolve()
  }
}

/** The activities of approvals on a test database. */
export function createTestApprovalActivities(
  db: Database,
  effect: ApprovalEffect,
): ApprovalActivities {
  const effects = new Map([[TEST_TYPE, effect]])
  return withFailures(createApprovalActivities({ db, effects }), (error) =>
    process.stderr.write(`Unexpected failure: ${String(error)}\n`),
  )
}

/** Makes groups with members, whom it makes too. */
export async function addPeople(
  db: Database,
  groups: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  for (const [group, logins] of Object.entries(groups)) {
    await createGroup(db, group)
    for (const login of logins) await joinGroup(db, group, login)
  }
}

/** Adds a person to a group, made where absent. */
export async function joinGroup(db: Database, group: string, login: string): Promise<void> {
  const email = `${login}@example.org`
  await createUser(db, { login, email, name: login, source: 'manual' })
  const user = await findUser(db, login)
  await addMember(db, { group, userId: user?.id ?? '' })
}

/** Takes a person out of a group. */
export async function leaveGroup(db: Database, group: string, login: string): Promise<void> {
  const user = await findUser(db, login)
  await removeMember(db, { group, userId: user?.id ?? '' })
}

/** Puts a policy of one stage of `approvers`, quorum 2, an hour, unless said. */
export async function putPolicy(
  db: Database,
  change: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const document = policySchema.parse({
    stages: [{ name: 'review', approvers: { group: 'approvers' }, quorum: 2 }],
    expiresAfter: 'PT1H',
    ...change,
  })
  const before = await findPolicy(db, TEST_TYPE)
  const after = before?.version ?? 0
  await addPolicyVersion(db, { type: TEST_TYPE, after, document, changedBy: 'test' })
}

/** Opens an approval of a subject of its own; nothing is handed over yet. */
export async function openTestApproval(
  db: Database,
  change: Partial<ApprovalRequest> = {},
): Promise<{ readonly approvalId: string; readonly queued: readonly QueuedRun[] }> {
  return await withTransaction(
    db,
    async (tx) =>
      await openApproval(tx, {
        type: TEST_TYPE,
        subject: { type: 'report', id: randomUUID(), hash: TEST_HASH },
        summary: { title: 'Laptops of May' },
        requester: 'requester',
        requestId: `request-${randomUUID()}`,
        ...change,
      }),
  )
}

export type HandOverOptions = {
  readonly taskQueue: string
  /** Added to the input of the run. */
  readonly input?: Readonly<Record<string, unknown>>
}

/** Hands over what was queued, to a queue of the test's own. */
export async function handOverQueued(
  db: Database,
  temporal: TestTemporal,
  { queued, taskQueue, input = {} }: HandOverOptions & { readonly queued: readonly QueuedRun[] },
): Promise<void> {
  for (const { id, start } of queued) {
    const changed = { ...start, taskQueue, input: { ...start.input, ...input } }
    await handOverStart(temporal.client, changed)
    await deleteStart(db, id)
  }
}

/** Casts a vote by the update of the run, as the API does. */
export async function castTestVote(
  db: Database,
  temporal: TestTemporal,
  vote: Pick<VoteRequest, 'approvalId' | 'actor'> & Partial<VoteRequest>,
): Promise<UpdateAnswer> {
  const voteId = vote.voteId ?? randomUUID()
  const subjectHash = vote.subjectHash ?? TEST_HASH
  await recordVote(db, {
    verdict: 'approve',
    reason: 'Looks right',
    claims: { scopes: [] },
    via: 'api',
    requestId: `request-${voteId}`,
    ...vote,
    voteId,
    subjectHash,
  })
  return await sendUpdate(
    temporal.client,
    {
      workflowId: approvalWorkflowId(vote.approvalId),
      name: approvalMessages.vote,
      updateId: voteId,
      input: { voteId, subjectHash },
    },
    { deadlineMs: 60_000 },
  )
}

/** Waits until an approval is in one of these states, and returns it. */
export async function waitForState(
  db: Database,
  approvalId: string,
  ...states: readonly string[]
): Promise<StoredApproval> {
  let found: StoredApproval | undefined
  await waitUntil(`the approval is ${states.join(' or ')}`, async () => {
    found = await findApproval(db, approvalId)
    return found !== undefined && states.includes(found.approval.state)
  })
  if (!found) throw new Error(`Cannot find approval "${approvalId}"`)
  return found
}

/** Lets a timer of an approval be due after so many seconds from now, and its run know it. */
export async function moveTimer(
  db: Database,
  temporal: TestTemporal,
  { approvalId, kind, seconds }: MovedTimer,
): Promise<void> {
  await db.query(
    `update approvals
     set timers = (
         select jsonb_agg(case when timer->>'kind' = $2::text
           then timer || jsonb_build_object('at', now() + make_interval(secs => $3::float8))
           else timer end)
         from jsonb_array_elements(timers) as timer
       ),
       expires_at = case when $2::text = 'expiry'
         then now() + make_interval(secs => $3::float8) else expires_at end,
       version = version + 1
     where id = $1::uuid`,
    [approvalId, kind, seconds],
  )
  await temporal.client.call(
    async (client) =>
      await client.workflow
        .getHandle(approvalWorkflowId(approvalId))
        .signal(approvalMessages.changed, {}),
  )
}

export type MovedTimer = {
  readonly approvalId: string
  readonly kind: TimerKind
  readonly seconds: number
}

/** The names of what happened to an approval, in order. */
export async function listEvents(db: Database, approvalId: string): Promise<string[]> {
  return (await listHistory(db, approvalId, 10_000)).map(({ event }) => event)
}
