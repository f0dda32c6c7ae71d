import { z } from 'zod'
import { approvalStates } from '../../core/approval/approval.ts'
import { isBarred } from '../../core/approval/eligibility.ts'
import { explain, type Explanation } from '../../core/approval/explanation.ts'
import { listCountedVotes } from '../../core/approval/tally.ts'
import { loadElectorate } from '../../db/approval/electorate.ts'
import { listTakenVotes } from '../../db/approval/records.ts'
import type { StoredApproval } from '../../db/approval/rows.ts'
import type { Queryable } from '../../db/client.ts'
import { listActiveMembers } from '../../db/user/groups.ts'
import { approvalParams, getVisibleApproval } from '../approval-access.ts'
import { defineRoute } from '../guard.ts'

const MAX_PEOPLE = 100
const MAX_VOTES = 1_000

const explanationSchema = z.object({
  id: z.string(),
  state: z.enum(approvalStates),
  stage: z.int(),
  why: z.array(z.string()).describe('One sentence a point'),
  mayVote: z
    .object({
      groups: z.array(z.string()),
      scope: z.string().optional(),
      isFallback: z.boolean(),
      people: z.array(z.string()).describe('At most 100 logins; holders of a scope are unknown'),
      delegates: z.array(z.object({ login: z.string(), actingFor: z.string(), until: z.string() })),
    })
    .optional(),
  voted: z.array(
    z.object({
      actor: z.string(),
      actingFor: z.string().optional(),
      verdict: z.enum(['approve', 'deny']),
      counts: z.boolean(),
    }),
  ),
  missing: z
    .object({ approvals: z.int(), reachable: z.boolean() })
    .optional()
    .describe('Of the present stage'),
  timers: z.array(z.object({ kind: z.string(), at: z.string(), effect: z.string() })),
  atExpiry: z.object({ at: z.string(), state: z.literal('expired') }).optional(),
})
type ExplanationBody = z.infer<typeof explanationSchema>

const example: ExplanationBody = {
  id: '0195f0b4-7c1e-7d5e-9a34-5b1f6c2d8e90',
  state: 'open',
  stage: 1,
  why: [
    'Stage 1 of 1 ("registration") has 1 of 2 approvals',
    'Members of "login_approvers" decide, save requester and beneficiary',
  ],
  mayVote: {
    groups: ['login_approvers'],
    isFallback: false,
    people: ['ada', 'linus'],
    delegates: [],
  },
  voted: [{ actor: 'ada', verdict: 'approve', counts: true }],
  missing: { approvals: 1, reachable: true },
  timers: [
    { kind: 'reminder', at: '2025-03-07T12:00:00.000Z', effect: 'Its approvers are reminded' },
    { kind: 'expiry', at: '2025-03-18T12:00:00.000Z', effect: 'It expires: that is a denial' },
  ],
  atExpiry: { at: '2025-03-18T12:00:00.000Z', state: 'expired' },
}

/** `GET /v1/approvals/{approvalId}/explain`: why it is not decided yet. */
export const explainApproval = defineRoute(
  {
    method: 'GET',
    path: '/v1/approvals/{approvalId}/explain',
    operationId: 'explainApproval',
    summary: 'Says why an approval is not decided yet',
    description:
      'Who may vote, who has, what is missing, which timers run, what happens at the end.',
    tags: ['approvals'],
    auth: 'token',
    params: approvalParams,
    responses: { 200: { description: 'Why', schema: explanationSchema, example } },
    errors: { 404: 'There is no such approval, or you may not see it' },
  },
  async ({ principal, params }, { db, clock }) => {
    const stored = await getVisibleApproval(db, principal, params.approvalId)
    return { status: 200, body: await createExplanation(db, { stored, now: clock() }) }
  },
)

async function createExplanation(
  db: Queryable,
  { stored, now }: { readonly stored: StoredApproval; readonly now: Date },
): Promise<ExplanationBody> {
  const { id, approval } = stored
  const electorate = await loadElectorate(db, [approval])
  const explanation = explain(approval, electorate)
  const counted = new Set(
    explanation ? listCountedVotes(approval, electorate).map((vote) => vote.id) : [],
  )
  const votes = await listTakenVotes(db, id, MAX_VOTES)
  return {
    id,
    state: approval.state,
    stage: approval.stage,
    why: [...(explanation?.why ?? [describeEnd(stored)])],
    voted: votes
      .filter(({ stage }) => stage === approval.stage)
      .map(({ id: voteId, actor, actingFor, verdict }) => ({
        actor,
        ...(actingFor !== undefined && { actingFor }),
        verdict,
        counts: counted.has(voteId),
      })),
    timers: (explanation?.timers ?? []).map((timer) => ({ ...timer, at: timer.at.toISOString() })),
    ...(explanation && (await explainPending(db, stored, { ...explanation, now }))),
  }
}

async function explainPending(
  db: Queryable,
  { approval }: StoredApproval,
  { seats, missing, isReachable, now }: Explanation & { readonly now: Date },
): Promise<Pick<ExplanationBody, 'mayVote' | 'missing' | 'atExpiry'>> {
  const members = await listActiveMembers(db, { groups: seats.groups, limit: MAX_PEOPLE })
  return {
    mayVote: {
      groups: [...seats.groups],
      ...(seats.scope && { scope: seats.scope.name }),
      isFallback: seats.isFallback,
      people: members.filter(({ key }) => !isBarred(approval, key)).map(({ login }) => login),
      delegates: approval.delegations
        .filter(({ until }) => now < until)
        .map(({ from, to, until }) => ({
          login: to,
          actingFor: from,
          until: until.toISOString(),
        })),
    },
    missing: { approvals: missing, reachable: isReachable },
    atExpiry: { at: approval.expiresAt.toISOString(), state: 'expired' },
  }
}

function describeEnd({ approval: { state }, failureCode }: StoredApproval): string {
  if (state === 'apply-failed') {
    return `It is approved, but its effect failed with "${failureCode}": it can be retried`
  }
  if (state === 'approved' || state === 'applying') return 'It is approved and being applied'
  return `It is closed: ${state}`
}
