import { z } from 'zod'
import { loginKey } from '../../core/user/login.ts'
import { listDigests } from '../../db/approval/digests.ts'
import { defineRoute } from '../guard.ts'
import { pageOf, pageQuery, replyWithPage } from '../page.ts'
import { approvalExample } from '../presenters/approval-example.ts'

const LIST = 'approval-digests'
const position = z.object({ at: z.string(), id: z.string() })

const digestSchema = z.object({
  id: z.string(),
  at: z.string(),
  items: z.array(
    z.object({
      approvalId: z.string(),
      type: z.string(),
      reasons: z
        .array(z.string())
        .describe('`opened`, `stage-passed`, `escalated`, `reminded`, `info-provided`'),
      openedAt: z.string(),
      expiresAt: z.string(),
    }),
  ),
})

const example: z.infer<typeof digestSchema> = {
  id: '0195f0b5-1a2b-7c3d-8e4f-5a6b7c8d9e0f',
  at: '2025-03-04T12:01:00.000Z',
  items: [
    {
      approvalId: approvalExample.id,
      type: approvalExample.type,
      reasons: ['opened'],
      openedAt: approvalExample.openedAt,
      expiresAt: approvalExample.expiresAt,
    },
  ],
}

/** `GET /v1/approval-digests`: what the caller was told of approvals that waited for them. */
export const getApprovalDigests = defineRoute(
  {
    method: 'GET',
    path: '/v1/approval-digests',
    operationId: 'listApprovalDigests',
    summary: 'Lists what you were told of approvals, newest first',
    description:
      'Once a minute an approver is told in one digest of what has become their turn. Each is also ' +
      'an event `approval.digest`. They are kept for 90 days.',
    tags: ['approvals'],
    auth: 'token',
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of digests',
        schema: pageOf(digestSchema),
        example: { items: [example], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ principal, query, url }, { db, cursors }) => {
    const after = query.cursor ? position.parse(cursors.open(LIST, query.cursor)) : undefined
    const person = loginKey(principal.subject)
    const found = await listDigests(db, { person, after, limit: query.limit + 1 })
    const items = found
      .slice(0, query.limit)
      .map(({ id, at, items: told }) => ({ id, at: at.toISOString(), items: told }))
    const last = found.length > query.limit ? items.at(-1) : undefined
    return replyWithPage(url, {
      items,
      next: last && cursors.sign(LIST, { at: last.at, id: last.id }),
    })
  },
)
