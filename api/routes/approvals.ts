import { z } from 'zod'
import { approvalStates } from '../../core/approval/approval.ts'
import { listApprovals } from '../../db/approval/records.ts'
import { approvalParams, getVisibleApproval, loadViewer } from '../approval-access.ts'
import { listInbox } from '../approval-inbox.ts'
import { viewStored, withElectorate, type FoundApproval } from '../approval-views.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { readScope } from '../policies/approval.ts'
import { approvalExample, approvalItemExample } from '../presenters/approval-example.ts'
import { approvalItemSchema, approvalSchema, presentApprovalItem } from '../presenters/approval.ts'
import { hasAnyScope, type Principal } from '../principal.ts'

const positionSchema = z.object({ at: z.string(), id: z.string() })

const listQuery = z.object({
  ...pageQuery,
  mine: z
    .enum(['true', 'false'])
    .optional()
    .describe('`true`: the open ones on which you may vote now, those that end first'),
  state: z.enum(approvalStates).optional(),
  type: z.string().min(1).max(100).optional(),
})
type ListQuery = z.output<typeof listQuery>

/** `GET /v1/approvals`: what the caller may see; with `mine=true` what waits for the caller's vote. */
export const listApprovalItems = defineRoute(
  {
    method: 'GET',
    path: '/v1/approvals',
    operationId: 'listApprovals',
    summary: 'Lists approvals, newest first, or your inbox',
    description:
      'Those that you asked for, that are for you, or that you may come to decide; with ' +
      '`approval:read` all. `mine=true` is the inbox: open ones on which you may vote now.',
    tags: ['approvals'],
    auth: 'token',
    query: listQuery,
    responses: {
      200: {
        description: 'A page of approvals',
        schema: pageOf(approvalItemSchema),
        example: { items: [approvalItemExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ principal, query, url }, context) => {
    const isInbox = query.mine === 'true'
    const list = `approvals ${JSON.stringify([isInbox, query.state, query.type])}`
    const after =
      query.cursor === undefined
        ? undefined
        : positionSchema.parse(context.cursors.open(list, query.cursor))
    const limit = query.limit + 1
    const search = { principal, query: { ...query, limit }, after }
    const found = await (isInbox ? findInbox(context, search) : findAll(context, search))
    const { items: page, last } = cutPage(found, query.limit)
    const { stored } = last ?? {}
    const at = (isInbox ? stored?.approval.expiresAt : stored?.openedAt)?.toISOString()
    return replyWithPage(url, {
      items: page.map((found) => presentApprovalItem(found)),
      next: stored && context.cursors.sign(list, { at, id: stored.id }),
    })
  },
)

/** `GET /v1/approvals/{approvalId}`: how it stands, its votes and its history. */
export const getApproval = defineRoute(
  {
    method: 'GET',
    path: '/v1/approvals/{approvalId}',
    operationId: 'getApproval',
    summary: 'Reads an approval with its votes and history',
    description:
      'For its requester, its beneficiary, whoever may come to decide it, and `approval:read`; to ' +
      'others it does not exist. Of more than 1,000 votes or events the newest are shown.',
    tags: ['approvals'],
    auth: 'token',
    params: approvalParams,
    responses: {
      200: { description: 'The approval', schema: approvalSchema, example: approvalExample },
    },
    errors: { 404: 'There is no such approval, or you may not see it' },
  },
  async ({ principal, params }, { db }) => {
    const stored = await getVisibleApproval(db, principal, params.approvalId)
    return { status: 200, body: await viewStored(db, stored) }
  },
)

type Search = {
  readonly principal: Principal
  readonly query: ListQuery
  readonly after: z.output<typeof positionSchema> | undefined
}

async function findInbox({ db, clock }: ApiContext, search: Search): Promise<FoundApproval[]> {
  const { principal, query, after } = search
  const { state = 'open', type, limit } = query
  if (state !== 'open') return []
  const viewer = await loadViewer(db, principal)
  return await listInbox(db, { principal, viewer, type, after, limit, now: clock() })
}

async function findAll({ db }: ApiContext, search: Search): Promise<FoundApproval[]> {
  const { principal, query, after } = search
  const { state, type, limit } = query
  const viewer = await loadViewer(db, principal)
  const all = hasAnyScope(principal, [readScope])
  const found = await listApprovals(db, { viewer, all, state, type, after, limit })
  return await withElectorate(db, found)
}
