import { z } from 'zod'
import { isEmailAddress } from '../../core/license/email-address.ts'
import { permissionsChange, type PermissionsChange } from '../../core/staff/permissions.ts'
import { AppError } from '../../core/errors.ts'
import { withTransaction } from '../../db/client.ts'
import { listStaffRecords, listStaffUsers } from '../../db/staff/records.ts'
import { createEtag } from '../etag.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { assertVisible, getAuthority } from '../policies/staff.ts'
import { presentStaffUser, staffUserExample, staffUserSchema } from '../presenters/staff.ts'
import { createStaffUser, editStaffUser, removeStaffUser } from '../staff-changes.ts'

const MAX_NAME_LENGTH = 100
const MAX_ID_LENGTH = 255

/** A name of a person as staff records keep it. */
export const staffName = z.string().trim().min(1).max(MAX_NAME_LENGTH)

// No id that a path or a token's subject could not carry.
const userId = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .regex(/^[^\p{Cc}\s/]+$/u)
const compactParams = z.object({ compact: z.string() })
const userParams = z.object({ compact: z.string(), userId })
const byCompact = z.record(z.string(), permissionsChange)
const anyAdmin = 'token' as const
const position = z.object({ after: z.string() })

const newStaffUser = z.strictObject({
  userId: userId.optional().describe('The `sub` that the identity provider gave; made if absent'),
  attributes: z.strictObject({
    email: z
      .string()
      .trim()
      .max(MAX_NAME_LENGTH)
      .refine(isEmailAddress, 'Not a valid email address'),
    givenName: staffName,
    familyName: staffName,
  }),
  permissions: byCompact,
})

const staffEdit = z.strictObject({
  permissions: byCompact.optional(),
  status: z.enum(['active', 'inactive']).optional(),
})

const adminErrors = {
  400: 'The body or the query is malformed, or a jurisdiction is no active member of the compact',
  403: 'The token administers neither the compact nor what the call is about',
}

const ADMINS =
  'For administrators of the compact (`{compact}/{compact}.admin`) and, within their ' +
  'jurisdictions, of jurisdictions (`{compact}/{j}.admin`).'

/** `GET /v1/compacts/{compact}/staff-users`: a page of the users that the administrator may know of. */
export const listStaff = defineRoute(
  {
    method: 'GET',
    path: '/v1/compacts/{compact}/staff-users',
    operationId: 'listStaffUsers',
    summary: "A compact's staff users",
    description: `${ADMINS} The latter see who holds something in one of theirs.`,
    tags: ['staff'],
    auth: anyAdmin,
    params: compactParams,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of staff users by id',
        schema: pageOf(staffUserSchema),
        example: { items: [staffUserExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { ...adminErrors, 404: 'There is no such compact' },
  },
  async ({ principal, params, query, url }, { config, db, cursors }) => {
    const { compact, authority } = getAuthority(principal, params.compact, config.compacts)
    const scope = `staff-users ${compact.abbreviation}`
    const { after } = query.cursor
      ? position.parse(cursors.open(scope, query.cursor))
      : { after: '' }
    const found = await listStaffUsers(db, {
      compact: compact.abbreviation,
      jurisdictions: authority.level === 'compact' ? undefined : authority.codes,
      after,
      limit: query.limit + 1,
    })
    const { items: users, last } = cutPage(found, query.limit)
    return replyWithPage(url, {
      items: users.map((user) => presentStaffUser(user)),
      next: last && cursors.sign(scope, { after: last.userId }),
    })
  },
)

/** `POST /v1/compacts/{compact}/staff-users`: creates a user, or merges permissions into one who is there. */
export const postStaffUser = defineRoute(
  {
    method: 'POST',
    path: '/v1/compacts/{compact}/staff-users',
    operationId: 'createStaffUser',
    summary: 'Creates a staff user',
    description:
      `${ADMINS} The latter give at least one permission in one of theirs. A user with the same ` +
      'e-mail address, letter case aside, gets the permissions added and keeps their names.',
    tags: ['staff'],
    auth: anyAdmin,
    params: compactParams,
    body: {
      kind: 'json',
      schema: newStaffUser,
      example: {
        attributes: staffUserExample.attributes,
        permissions: { aslp: { jurisdictions: { oh: { actions: { write: true } } } } },
      },
    },
    idempotent: true,
    responses: {
      200: {
        description: 'The user was there; the permissions are merged',
        schema: staffUserSchema,
        example: staffUserExample,
      },
      201: {
        description: 'The new user',
        schema: staffUserSchema,
        example: staffUserExample,
        headers: { Location: 'The user', ETag: 'Its version' },
      },
    },
    errors: {
      ...adminErrors,
      404: 'There is no such compact',
      409: 'The user id and the e-mail address belong to two users',
    },
  },
  async ({ principal, params, body, requestId, settle }, { config, db, staff }) => {
    const { compact, authority } = getAuthority(principal, params.compact, config.compacts)
    const permissions = ofCompact(body.permissions, compact.abbreviation) ?? {}
    const change = { actor: principal.subject, requestId, compact, authority }
    const person = { ...body.attributes, userId: body.userId, permissions }
    const reply = await withTransaction(db, async (tx) => {
      const { user, isNew } = await createStaffUser(tx, change, person)
      const location = `/v1/compacts/${compact.abbreviation}/staff-users/${encodeURIComponent(user.userId)}`
      return await settle(tx, {
        status: isNew ? 201 : 200,
        headers: { ETag: createEtag(user.version), Location: location },
        body: presentStaffUser(user),
      })
    })
    staff.forget((reply.body as { userId: string }).userId) // as it was just presented
    return reply
  },
)

/** `GET …/staff-users/{userId}`: one user, as far as the compact goes. */
export const getStaffUser = defineRoute(
  {
    method: 'GET',
    path: '/v1/compacts/{compact}/staff-users/{userId}',
    operationId: 'getStaffUser',
    summary: 'Reads a staff user',
    description: ADMINS,
    tags: ['staff'],
    auth: anyAdmin,
    params: userParams,
    responses: {
      200: {
        description: 'The user',
        schema: staffUserSchema,
        example: staffUserExample,
        headers: { ETag: 'Its version' },
      },
    },
    errors: {
      403: adminErrors[403],
      404: 'The compact has no such user, as far as the token goes',
    },
  },
  async ({ principal, params }, { config, db }) => {
    const { authority } = getAuthority(principal, params.compact, config.compacts)
    const [user] = await listStaffRecords(db, params)
    assertVisible(authority, user)
    const headers = { ETag: createEtag(user.version) }
    return { status: 200, headers, body: presentStaffUser(user) }
  },
)

/** `PATCH …/staff-users/{userId}`: `true` grants, `false` revokes, at once. */
export const patchStaffUser = defineRoute(
  {
    method: 'PATCH',
    path: '/v1/compacts/{compact}/staff-users/{userId}',
    operationId: 'changeStaffUser',
    summary: 'Grants and revokes permissions',
    description:
      `${ADMINS} \`true\` grants an action, \`false\` revokes it, what is not named stays. An ` +
      'inactive user has no scopes in the compact. Takes `If-Match`, and does not demand it.',
    tags: ['staff'],
    auth: anyAdmin,
    params: userParams,
    body: {
      kind: 'json',
      schema: staffEdit,
      example: { permissions: { aslp: { jurisdictions: { oh: { actions: { admin: false } } } } } },
    },
    responses: {
      200: {
        description: 'The user as they are now',
        schema: staffUserSchema,
        example: staffUserExample,
        headers: { ETag: 'Its version' },
      },
    },
    errors: {
      ...adminErrors,
      404: 'The compact has no such user, as far as the token goes',
      409: 'It would take the compact its last administrator',
      412: 'The user has changed since you read them',
    },
  },
  async ({ principal, params, body, requestId, headers }, { config, db, staff }) => {
    const { compact, authority } = getAuthority(principal, params.compact, config.compacts)
    const user = await editStaffUser(
      db,
      { actor: principal.subject, requestId, compact, authority },
      {
        userId: params.userId,
        permissions: ofCompact(body.permissions ?? {}, compact.abbreviation),
        status: body.status,
        ifMatch: headers['if-match'],
      },
    )
    staff.forget(params.userId)
    const etag = { ETag: createEtag(user.version) }
    return { status: 200, headers: etag, body: presentStaffUser(user) }
  },
)

/** `DELETE …/staff-users/{userId}`: the user with all they may do; their tokens open nothing any more. */
export const deleteStaff = defineRoute(
  {
    method: 'DELETE',
    path: '/v1/compacts/{compact}/staff-users/{userId}',
    operationId: 'deleteStaffUser',
    summary: 'Deletes a staff user',
    description:
      `${ADMINS} The latter only whom nobody else gave anything. Tokens that the user still ` +
      'holds open nothing any more.',
    tags: ['staff'],
    auth: anyAdmin,
    params: userParams,
    responses: { 204: { description: 'Deleted' } },
    errors: {
      403: 'The token does not reach all that the user may do',
      404: 'The compact has no such user, as far as the token goes',
      409: 'The user holds permissions elsewhere, or is the last administrator',
      412: 'The user has changed since you read them',
    },
  },
  async ({ principal, params, requestId, headers }, { config, db, staff }) => {
    const { compact, authority } = getAuthority(principal, params.compact, config.compacts)
    const change = { actor: principal.subject, requestId, compact, authority }
    await removeStaffUser(db, change, { userId: params.userId, ifMatch: headers['if-match'] })
    staff.forget(params.userId)
    return { status: 204 }
  },
)

// A call about one compact says nothing of another.
function ofCompact(
  permissions: Readonly<Record<string, PermissionsChange>>,
  compact: string,
): PermissionsChange | undefined {
  const other = Object.keys(permissions).find((name) => name !== compact)
  if (other === undefined) return permissions[compact]
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: {
      errors: [
        {
          pointer: `/permissions/${other.replaceAll('~', '~0').replaceAll('/', '~1')}`,
          code: 'other_compact',
          detail: `Must be "${compact}", the path's compact`,
        },
      ],
    },
  })
}
