import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { rosterRunStates } from '../../core/roster/run.ts'
import { readChangeSet } from '../../db/roster/changes.ts'
import type { VoteRequest } from '../../db/approval/votes.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { getDecidableApproval } from '../approval-access.ts'
import { createRefusal } from '../approval-refusals.ts'
import { viewApproval } from '../approval-views.ts'
import { castVote } from '../approval-votes.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute, type Route } from '../guard.ts'
import { guardSchema, presentGuard, rosterRunExample } from '../presenters/roster-run.ts'
import type { Principal } from '../principal.ts'
import { approveScope, assertRun, getRun, NO_RUN, readScope, runParams } from '../roster-access.ts'
import { voteRefusals, voteShape } from './approval-votes.ts'

const tags = ['rosters']
const path = '/sync/{tenantId}/plans/{syncId}'
const NDJSON = 'application/x-ndjson'

const planSchema = z.object({
  syncId: z.uuid(),
  state: z.enum(rosterRunStates),
  hash: z
    .string()
    .nullable()
    .describe('SHA-256 of the change set, in hex; null before it is there'),
  approvalId: z.uuid().optional(),
  guard: guardSchema,
})
const planExample = {
  syncId: rosterRunExample.syncId,
  state: 'held',
  hash: rosterRunExample.planHash,
  approvalId: '01990a5e-3a11-7000-8000-3d9b6c1f0a42',
  guard: [{ rule: 'deactivations', type: 'users', count: 400, limit: 120, tripped: true }],
} as const

/** `GET /sync/{tenantId}/plans/{syncId}`: what a run means to do, or did. */
export const getSyncPlan = defineRoute(
  {
    method: 'GET',
    path,
    operationId: 'getRosterPlan',
    summary: 'The plan of a run: its hash, and what the guard made of it',
    tags,
    auth: readScope,
    params: runParams,
    ofTenant: true,
    responses: { 200: { description: 'The plan', schema: planSchema, example: planExample } },
    errors: { 404: NO_RUN },
  },
  async ({ params }, { db }) => ({ status: 200, body: presentPlan(await getRun(db, params)) }),
)

/** `GET …/changes`: the change set, of which `hash` is over exactly the bytes. */
export const streamSyncChanges = defineRoute(
  {
    method: 'GET',
    path: `${path}/changes`,
    operationId: 'streamRosterChanges',
    summary: 'The changes of a plan, one a line',
    description:
      'JSON lines `{"op","type","id","before"?,"after"?}`, sorted; of an update only what differs. ' +
      '`hash` of the plan is the SHA-256 of exactly these bytes.',
    tags,
    auth: readScope,
    params: runParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'The change set; empty before there is a plan',
        contentType: NDJSON,
        example: '{"op":"deactivate","type":"users","id":"T-1041"}\n',
      },
    },
    errors: { 404: NO_RUN },
  },
  async ({ params }, { db }) => {
    const { id } = await getRun(db, params)
    const body = Readable.from(readChangeSet(db, id), { objectMode: false })
    return { status: 200, headers: { 'Content-Type': NDJSON }, body }
  },
)

/** `POST …/approve` and `…/discard`: the caller's vote on a held plan. */
export const planDecisions: readonly Route[] = [
  createDecision('approve', 'Votes for exactly this plan'),
  createDecision('discard', 'Votes against this plan'),
]

function createDecision(verb: 'approve' | 'discard', summary: string): Route {
  return defineRoute(
    {
      method: 'POST',
      path: `${path}/${verb}`,
      operationId: `${verb}RosterPlan`,
      summary,
      description:
        "A vote on the plan's approval, by its policy: one stage with one vote unless another was " +
        'put. Who started the run has none. Once approved, the run goes on by itself.',
      tags,
      auth: approveScope,
      params: runParams,
      ofTenant: true,
      precondition: assertRun,
      idempotent: true,
      body: {
        kind: 'json',
        schema: z.strictObject({
          hash: voteShape.subjectHash.describe('Of the plan that you looked at'),
          reason: voteShape.reason,
        }),
        example: { hash: planExample.hash, reason: 'The school was closed' },
      },
      responses: {
        200: {
          description: 'The plan as it stands then',
          schema: planSchema,
          example: planExample,
        },
      },
      errors: {
        404: NO_RUN,
        ...voteRefusals,
        409: `\`not_held\`: the plan waits for no decision; ${voteRefusals[409]}`,
      },
    },
    async ({ params, body, headers, ...request }, context) => {
      const run = await getRun(context.db, params)
      const vote = {
        voteId: headers['idempotency-key']?.toString() ?? randomUUID(),
        verdict: verb === 'approve' ? 'approve' : 'deny',
        reason: body.reason,
        subjectHash: body.hash,
      } as const
      await voteOnPlan(context, run, { ...request, vote })
      return { status: 200, body: presentPlan(await getRun(context.db, params)) }
    },
  )
}

type PlanVote = {
  readonly principal: Principal
  readonly requestId: string
  readonly traceparent: string | undefined
  readonly vote: Pick<VoteRequest, 'voteId' | 'verdict' | 'reason' | 'subjectHash'>
}

async function voteOnPlan(
  context: ApiContext,
  { approvalId }: RosterRun,
  { principal, requestId, traceparent, vote }: PlanVote,
): Promise<void> {
  if (approvalId === null) throwNotHeld()
  const { stored, claims } = await getDecidableApproval(context.db, principal, approvalId)
  const { refusal } = await castVote(context, {
    stored,
    vote: { ...vote, approvalId, actor: principal.subject, requestId, claims, via: 'api' },
    traceparent,
  })
  if (!refusal) return
  const { state } = await viewApproval(context.db, approvalId)
  throw createRefusal(refusal, { approvalId, state })
}

function presentPlan(run: RosterRun): z.output<typeof planSchema> {
  return {
    syncId: run.id,
    state: run.state,
    hash: run.planHash,
    ...(run.approvalId !== null && { approvalId: run.approvalId }),
    guard: presentGuard(run),
  }
}

function throwNotHeld(): never {
  throw new AppError('not_held', 'Cannot decide on this plan: it waits for no decision', {
    status: 409,
  })
}
