import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { approvalStates, type ApprovalState } from '../../core/approval/approval.ts'
import { findApprovals } from '../../db/approval/records.ts'
import type { StoredApproval } from '../../db/approval/rows.ts'
import { assertDecidable } from '../approval-access.ts'
import { createRefusal } from '../approval-refusals.ts'
import { castVoteHere } from '../approval-votes.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { itemProblem, settleAll, settleItem } from '../item-outcomes.ts'
import { voteScopes } from '../policies/approval.ts'
import { approvalExample } from '../presenters/approval-example.ts'
import type { Principal } from '../principal.ts'
import { validateBody } from '../validate.ts'
import { voteShape } from './approval-votes.ts'

const MAX_VOTES = 500
const AT_ONCE = 4
const MAX_ID_LENGTH = 100

const id = z.string().max(MAX_ID_LENGTH)
const voteSchema = z.strictObject({ id, ...voteShape })
// A vote that breaks a rule is a 422 of its own.
const bulkBody = z.strictObject({
  votes: z
    .array(z.union([voteSchema, z.looseObject({ id })]))
    .min(1)
    .max(MAX_VOTES),
})
type BulkItem = z.output<typeof bulkBody>['votes'][number]
type Placed = { readonly item: BulkItem; readonly index: number }

const resultSchema = z.object({
  id: z.string(),
  state: z.enum(approvalStates).optional(),
  ...itemProblem,
})
type BulkResult = z.infer<typeof resultSchema>

type Caller = {
  /** The approvals of the request, as they were when it came. */
  readonly approvals: ReadonlyMap<string, StoredApproval>
  readonly principal: Principal
  readonly requestId: string
  readonly traceparent: string | undefined
  readonly url: string
  readonly key: string | undefined
}

/** `POST /v1/approvals/bulk-votes`: many votes, each with its own outcome. */
export const postBulkVotes = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/bulk-votes',
    operationId: 'voteOnApprovals',
    summary: 'Votes on up to 500 approvals',
    description:
      'Answers for each vote, in order, what the single call would: `status`, and `state` or ' +
      '`problem`. What is refused keeps nothing else from counting.',
    tags: ['approvals'],
    auth: { anyScope: voteScopes },
    body: {
      kind: 'json',
      schema: bulkBody,
      example: {
        votes: [
          {
            id: approvalExample.id,
            verdict: 'approve',
            reason: 'Checked',
            subjectHash: approvalExample.subject.hash,
          },
        ],
      },
    },
    idempotent: true,
    responses: {
      200: {
        description: 'What became of each vote',
        schema: z.object({ results: z.array(resultSchema) }),
        example: { results: [{ id: approvalExample.id, status: 200, state: 'approved' }] },
      },
    },
  },
  async ({ principal, body, headers, requestId, traceparent, url }, context) => {
    const key = headers['idempotency-key']?.toString()
    const ids = body.votes.map(({ id }) => id.toLowerCase()).filter(isUuid)
    const found = await findApprovals(context.db, ids)
    const approvals = new Map(found.map((stored) => [stored.id, stored]))
    const caller = { approvals, principal, requestId, traceparent, url, key }
    const results = await settleAll(
      body.votes,
      { atOnce: AT_ONCE, keyOf: ({ id }) => id.toLowerCase() },
      async (item, index) => await voteOnce(context, caller, { item, index }),
    )
    return { status: 200, body: { results } }
  },
)

async function voteOnce(context: ApiContext, caller: Caller, placed: Placed): Promise<BulkResult> {
  const { value, ...outcome } = await settleItem(
    context,
    caller,
    async () => await cast(context, caller, placed),
  )
  return { id: placed.item.id, ...outcome, ...(value && { state: value }) }
}

async function cast(
  { db }: ApiContext,
  { approvals, principal, requestId, traceparent, key }: Caller,
  { item, index }: Placed,
): Promise<ApprovalState> {
  const { id, ...body } = validateBody(voteSchema, item)
  const { stored, claims } = assertDecidable(approvals.get(id.toLowerCase()), principal, id)
  const approvalId = stored.id
  // One key covers all votes of the request: each has its place in it.
  const voteId = key === undefined ? randomUUID() : `${key}:${index}`
  const ids = { approvalId, voteId, actor: principal.subject, requestId }
  const vote = { ...body, ...ids, claims, via: 'api' } as const
  const { refusal, state } = await castVoteHere({ db }, { stored, vote, traceparent })
  if (refusal) throw createRefusal(refusal, { approvalId, state })
  return state
}

function isUuid(text: string): boolean {
  return z.uuid().safeParse(text).success
}
