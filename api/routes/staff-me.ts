import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { lockStaff, updateStaffNames } from '../../db/staff/changes.ts'
import { listStaffRecords, type StaffUser } from '../../db/staff/records.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { presentStaffUser, staffUserExample, staffUserSchema } from '../presenters/staff.ts'
import { staffName } from './staff-users.ts'

const errors = { 404: "The token's subject is no staff user" }
const found = {
  description: 'The user, with their permissions in every compact',
  schema: staffUserSchema,
  example: staffUserExample,
  headers: { ETag: 'Its version' },
}

/** `GET /v1/staff-users/me`: the staff user behind the token. */
export const getStaffMe = defineRoute(
  {
    method: 'GET',
    path: '/v1/staff-users/me',
    operationId: 'getOwnStaffUser',
    summary: 'Reads your own staff user',
    tags: ['staff'],
    auth: 'token',
    responses: { 200: found },
    errors,
  },
  async ({ principal }, { db }) =>
    replyWithUser(await listStaffRecords(db, { userId: principal.subject })),
)

/** `PATCH /v1/staff-users/me`: one's own names, and nothing else. */
export const patchStaffMe = defineRoute(
  {
    method: 'PATCH',
    path: '/v1/staff-users/me',
    operationId: 'changeOwnStaffUser',
    summary: 'Changes your own names',
    description: 'Takes `If-Match`, and does not demand it.',
    tags: ['staff'],
    auth: 'token',
    body: {
      kind: 'json',
      schema: z.strictObject({
        attributes: z.strictObject({
          givenName: staffName.optional(),
          familyName: staffName.optional(),
        }),
      }),
      example: { attributes: { familyName: 'Byron' } },
    },
    responses: { 200: found },
    errors: { ...errors, 412: 'You have changed since you read yourself' },
  },
  async ({ principal, body, headers, requestId }, { db }) => {
    const userId = principal.subject
    return await withTransaction(db, async (tx) => {
      await lockStaff(tx)
      const [before] = await listStaffRecords(tx, { userId })
      if (!before) throwNoStaff()
      const ifMatch = headers['if-match']
      if (ifMatch !== undefined) assertIfMatch(ifMatch, createEtag(before.version))
      await updateStaffNames(tx, userId, body.attributes)
      const subject = { type: 'staff-user', id: userId }
      const cause = { requestId }
      await appendAudit(tx, [{ actor: userId, action: 'staff-user.updated', subject, cause }])
      return replyWithUser(await listStaffRecords(tx, { userId }))
    })
  },
)

function replyWithUser(records: readonly StaffUser[]): Reply {
  const [first] = records
  if (!first) throwNoStaff()
  const headers = { ETag: createEtag(first.version) }
  return { status: 200, headers, body: presentStaffUser(first, records) }
}

function throwNoStaff(): never {
  throw new AppError('not_found', 'Cannot find a staff user for this access token', { status: 404 })
}
