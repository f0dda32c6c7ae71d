import { z } from 'zod'
import { isOpenRollback, rollbackActions } from '../../core/license/rollback.ts'
import { AppError } from '../../core/errors.ts'
import { listRollbackItems } from '../../db/license/rollback-items.ts'
import { listRollbacksOf, type Rollback } from '../../db/license/rollbacks.ts'
import { hasEnded } from '../../db/uploads.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { approvalText } from '../presenters/approval-change.ts'
import {
  presentRollback,
  presentRollbackItem,
  rollbackExample,
  rollbackItemExample,
  rollbackItemSchema,
  rollbackSchema,
} from '../presenters/license-rollback.ts'
import { getVisibleRollback, getWritableRollback, rollbackParams } from '../rollback-access.ts'
import { startRollback } from '../rollback-start.ts'
import { getVisibleUpload, uploadAccess, uploadParams } from '../upload-access.ts'

const RETRY_AFTER_SECONDS = 1

const body = {
  kind: 'json',
  optional: true,
  schema: z.strictObject({
    dryRun: z.boolean().default(false).describe('Only plans it'),
    reason: approvalText.optional(),
  }),
  example: { dryRun: false, reason: 'Wrong export' },
} as const

const accepted = {
  202: {
    description: 'It is being planned',
    schema: rollbackSchema,
    example: {
      ...rollbackExample,
      state: 'planning' as const,
      counts: { restored: 0, removed: 0, recreated: 0, kept: 0 },
      planHash: null,
      approvalId: null,
      plannedAt: null,
    },
    headers: { Location: 'The rollback', 'Retry-After': 'Seconds until a look pays' },
  },
}

/** `POST /v1/uploads/{uploadId}/rollback`: takes back what an upload did, once people have approved. */
export const postUploadRollback = defineRoute(
  {
    method: 'POST',
    path: '/v1/uploads/{uploadId}/rollback',
    operationId: 'rollBackUpload',
    summary: 'Takes back what an upload did to licenses',
    description:
      'What becomes of each license is planned, then an approval of type `license-rollback` is ' +
      'opened with the hash of the plan; once approved, exactly that is applied. With `dryRun` it ' +
      `is planned and no more. ${uploadAccess}`,
    tags: ['rollbacks'],
    auth: 'token',
    params: uploadParams,
    body,
    idempotent: true,
    responses: accepted,
    errors: {
      404: 'There is no such upload, or the token may not see it',
      409: 'It has not ended, or a rollback of it is open',
    },
  },
  async ({ principal, params, body: wanted, requestId, traceparent }, context) => {
    const { upload } = await getVisibleUpload(context, principal, params.uploadId)
    if (!hasEnded(upload)) throwNotEnded(upload.id)
    const { compact, jurisdiction, tenant, id } = upload
    const rollback = await startRollback(context, {
      compact,
      jurisdiction,
      tenant,
      target: { kind: 'upload', id },
      dryRun: wanted.dryRun,
      reason: wanted.reason,
      requestedBy: principal.subject,
      requestId,
      traceparent,
    })
    return reply(202, rollback)
  },
)

/** `GET /v1/uploads/{uploadId}/rollbacks`: the rollbacks of an upload. */
export const listUploadRollbacks = defineRoute(
  {
    method: 'GET',
    path: '/v1/uploads/{uploadId}/rollbacks',
    operationId: 'listUploadRollbacks',
    summary: 'Lists the rollbacks of an upload, newest first',
    description: `At most the newest 100. ${uploadAccess}`,
    tags: ['rollbacks'],
    auth: 'token',
    params: uploadParams,
    responses: {
      200: {
        description: 'The rollbacks',
        schema: z.object({ items: z.array(rollbackSchema), next: z.null() }),
        example: { items: [rollbackExample], next: null },
      },
    },
    errors: { 404: 'There is no such upload, or the token may not see it' },
  },
  async ({ principal, params }, context) => {
    const { upload } = await getVisibleUpload(context, principal, params.uploadId)
    const items = (await listRollbacksOf(context.db, upload.id)).map(presentRollback)
    return { status: 200, body: { items, next: null } }
  },
)

/** `POST /v1/license-rollbacks/{rollbackId}/rollback`: takes a rollback back in the same way. */
export const postRollbackRollback = defineRoute(
  {
    method: 'POST',
    path: '/v1/license-rollbacks/{rollbackId}/rollback',
    operationId: 'rollBackRollback',
    summary: 'Takes a rollback back',
    description:
      'Planned, approved and applied as the rollback of an upload. Needs ' +
      '`{compact}/{jurisdiction}.write`.',
    tags: ['rollbacks'],
    auth: 'token',
    params: rollbackParams,
    body,
    idempotent: true,
    responses: accepted,
    errors: {
      404: 'There is no such rollback, or the token may not see it',
      409: 'It was not applied, or a rollback of it is open',
    },
  },
  async ({ principal, params, body: wanted, requestId, traceparent }, context) => {
    const applied = await getWritableRollback(context.db, principal, params.rollbackId)
    if (applied.state !== 'applied') throwNotApplied(applied.id)
    const { compact, jurisdiction, tenant, id } = applied
    const rollback = await startRollback(context, {
      compact,
      jurisdiction,
      tenant,
      target: { kind: 'rollback', id },
      dryRun: wanted.dryRun,
      reason: wanted.reason,
      requestedBy: principal.subject,
      requestId,
      traceparent,
    })
    return reply(202, rollback)
  },
)

/** `GET /v1/license-rollbacks/{rollbackId}`: how far a rollback is. */
export const getLicenseRollback = defineRoute(
  {
    method: 'GET',
    path: '/v1/license-rollbacks/{rollbackId}',
    operationId: 'getLicenseRollback',
    summary: 'Reads a rollback',
    description: 'For who may write for its jurisdiction, and for who may see its approval.',
    tags: ['rollbacks'],
    auth: 'token',
    params: rollbackParams,
    responses: {
      200: {
        description: 'The rollback',
        schema: rollbackSchema,
        example: rollbackExample,
        headers: { 'Retry-After': 'While it is open' },
      },
    },
    errors: { 404: 'There is no such rollback, or the token may not see it' },
  },
  async ({ principal, params }, { db }) =>
    reply(200, await getVisibleRollback(db, principal, params.rollbackId)),
)

/** `GET /v1/license-rollbacks/{rollbackId}/licenses`: the plan, license by license. */
export const listRollbackLicenses = defineRoute(
  {
    method: 'GET',
    path: '/v1/license-rollbacks/{rollbackId}/licenses',
    operationId: 'listRollbackLicenses',
    summary: 'Lists what becomes of each license',
    description:
      'Kept ones first. The plan of a rollback that came to nothing is deleted after 7 days.',
    tags: ['rollbacks'],
    auth: 'token',
    params: rollbackParams,
    query: z.object({ ...pageQuery, action: z.enum(rollbackActions).optional() }),
    responses: {
      200: {
        description: 'A page of licenses',
        schema: pageOf(rollbackItemSchema),
        example: { items: [rollbackItemExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such rollback, or the token may not see it' },
  },
  async ({ principal, params, query, url }, { db, cursors }) => {
    const { id } = await getVisibleRollback(db, principal, params.rollbackId)
    const { action, limit, cursor } = query
    const list = `rollback ${id} ${action ?? ''}`
    const after = cursor === undefined ? 0 : z.int().parse(cursors.open(list, cursor))
    const found = await listRollbackItems(db, { rollbackId: id, action, after, limit: limit + 1 })
    const { items, last } = cutPage(found, limit)
    return replyWithPage(url, {
      items: items.map(presentRollbackItem),
      next: last && cursors.sign(list, last.position),
    })
  },
)

function reply(status: 200 | 202, rollback: Rollback): Reply {
  const isOpen = isOpenRollback(rollback.state)
  return {
    status,
    headers: {
      ...(status === 202 && { Location: `/v1/license-rollbacks/${rollback.id}` }),
      ...(isOpen && { 'Retry-After': String(RETRY_AFTER_SECONDS) }),
    },
    body: presentRollback(rollback),
  }
}

function throwNotEnded(uploadId: string): never {
  throw new AppError('upload_open', `Cannot roll back upload "${uploadId}": it has not ended`, {
    status: 409,
  })
}

function throwNotApplied(rollbackId: string): never {
  throw new AppError(
    'rollback_not_applied',
    `Cannot roll back rollback "${rollbackId}": it was not applied`,
    { status: 409 },
  )
}
