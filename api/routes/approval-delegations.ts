import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { loginKey } from '../../core/user/login.ts'
import { delegateVote } from '../../db/approval/commands.ts'
import { approvalParams, getDecidableApproval } from '../approval-access.ts'
import { carryOut } from '../approval-deeds.ts'
import { listRefusals } from '../approval-refusals.ts'
import { defineRoute } from '../guard.ts'
import { voteScopes } from '../policies/approval.ts'
import { changedApproval } from '../presenters/approval-change.ts'
import { loginSchema } from '../presenters/user.ts'

const MAX_DAYS = 366
const MS_PER_DAY = 86_400_000

/** `POST /v1/approvals/{approvalId}/delegate`: an approver lets somebody vote for them until a time. */
export const delegateApproval = defineRoute(
  {
    method: 'POST',
    path: '/v1/approvals/{approvalId}/delegate',
    operationId: 'delegateApproval',
    summary: 'Lets somebody else vote for you on this approval',
    description:
      'They vote with `actingFor`, your login. You and they are one mandate: of it the last vote ' +
      'counts. Who only holds a delegation cannot pass it on.',
    tags: ['approvals'],
    auth: { anyScope: voteScopes },
    params: approvalParams,
    body: {
      kind: 'json',
      schema: z.strictObject({
        to: loginSchema,
        until: z.iso.datetime({ offset: true }).describe('At most a year from now'),
      }),
      example: { to: 'linus', until: '2025-03-10T18:00:00Z' },
    },
    idempotent: true,
    responses: changedApproval,
    errors: {
      404: 'There is no such approval',
      ...listRefusals('not_an_approver', 'four_eyes', 'approval_closed'),
      422: 'Fields break a rule: you delegate to yourself, or for no time or too long',
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { approvalId } = params
    const { claims } = await getDecidableApproval(context.db, principal, approvalId)
    const until = new Date(body.until)
    assertTimeBox(until, context.clock())
    if (loginKey(body.to) === loginKey(principal.subject)) throwOwn()
    const doer = { approvalId, actor: principal.subject, claims, requestId, traceparent }
    const delegating = { ...doer, to: body.to, until }
    const asked = { approvalId, settle }
    return await carryOut(context, asked, async (tx) => await delegateVote(tx, delegating))
  },
)

function assertTimeBox(until: Date, now: Date): void {
  const ms = until.getTime() - now.getTime()
  if (ms > 0 && ms <= MAX_DAYS * MS_PER_DAY) return
  throwFault('/until', 'It must be within a year from now')
}

function throwOwn(): never {
  return throwFault('/to', 'It must be somebody else')
}

function throwFault(pointer: string, detail: string): never {
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: { errors: [{ pointer, code: 'custom', detail }] },
  })
}
