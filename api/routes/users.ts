import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { findLoginFault, loginKey } from '../../core/user/login.ts'
import { withTransaction, type Transaction } from '../../db/client.ts'
import type { QueuedRun } from '../../db/approval/open.ts'
import { addUser, editUser, removeUser } from '../../db/user/user-changes.ts'
import { findUser, lockUser, type User } from '../../db/user/users.ts'
import type { ApiContext } from '../context.ts'
import { assertIfMatch, createEtag } from '../etag.ts'
import { defineRoute, type JsonBody, type Reply } from '../guard.ts'
import { userReadScope, userWriteScope } from '../policies/user.ts'
import {
  clearableFields,
  presentUser,
  userExample,
  userFields,
  userSchema,
} from '../presenters/user.ts'

const path = '/user/{login}'
const tags = ['users']
const ETAG_ID_LENGTH = 8
const params = z.object({ login: z.string().describe('In whatever case') })
const write = { anyScope: [userWriteScope] }
const etagHeader = { ETag: 'Its version' }
const person = {
  description: 'The person',
  schema: userSchema,
  example: userExample,
  headers: etagHeader,
}
const { login: _login, ...exampleFields } = userExample
const newPerson = {
  kind: 'json',
  schema: z.strictObject(userFields),
  example: exampleFields,
} as const satisfies JsonBody<z.ZodType>

/** `GET /user/{login}`: a person, and nothing of their password. */
export const getUser = defineRoute(
  {
    method: 'GET',
    path,
    operationId: 'getUser',
    summary: 'Reads a person',
    tags,
    auth: { anyScope: [userReadScope] },
    params,
    responses: { 200: person },
    errors: { 404: 'There is no such person' },
  },
  async ({ params: { login } }, { db }) => replyWith((await findUser(db, login)) ?? throwNobody()),
)

/** `PUT /user/{login}`: creates a person. */
export const putUser = defineRoute(
  {
    method: 'PUT',
    path,
    operationId: 'createUser',
    summary: 'Creates a person',
    description: 'A person may register for a login then; without one they cannot log in.',
    tags,
    auth: write,
    params,
    body: newPerson,
    responses: {
      201: { ...person, headers: { ...etagHeader, Location: 'The person' } },
    },
    errors: {
      409: 'There is a person with this login, letter case aside',
      422: 'Nobody may have this login, or fields break a rule',
    },
  },
  async ({ params: { login }, body, principal, requestId, traceparent }, { db }) => {
    const fault = findLoginFault(login)
    if (fault !== undefined) throwInvalidLogin(fault)
    assertSameLogin(login, body.login)
    const user = { ...body, login, source: body.source ?? 'manual' }
    const doer = { actor: principal.subject, requestId, traceparent }
    const added = await withTransaction(db, async (tx) => await addUser(tx, user, doer))
    return added ? replyWith(added, 201) : throwTaken()
  },
)

/** `PUT /user/register` and its like: nobody may have a login that a path takes for something else. */
export const putReservedUsers = ['register', 'approve', 'reject', 'revoke'].map((word) =>
  defineRoute(
    {
      method: 'PUT',
      path: `/user/${word}`,
      operationId: `refuseUser${word.charAt(0).toUpperCase()}${word.slice(1)}`,
      summary: 'Refuses a reserved login',
      tags,
      auth: write,
      body: newPerson,
      responses: {},
      errors: { 422: 'The login is reserved' },
    },
    async () => await Promise.resolve(throwInvalidLogin('It is reserved')),
  ),
)

/** `POST /user/{login}`: changes a person. */
export const postUser = defineRoute(
  {
    method: 'POST',
    path,
    operationId: 'updateUser',
    summary: 'Changes a person',
    description:
      'Takes any of the fields; what is not named stays, and `null` takes country or region away. ' +
      'Another e-mail address or status ends a ' +
      'registration that waits: its approval is superseded.',
    tags,
    auth: write,
    params,
    body: {
      kind: 'json',
      schema: z.strictObject(userFields).partial().extend(clearableFields),
      example: { status: 'disabled' },
    },
    responses: { 200: person },
    errors: {
      404: 'There is no such person',
      412: 'The person has changed since you read them',
      428: 'If-Match is missing',
    },
  },
  async ({ params: { login }, body, principal, requestId, traceparent, headers }, context) => {
    const { login: named, ...edit } = body
    const doer = { actor: principal.subject, requestId, traceparent }
    const { user, queued } = await withTransaction(context.db, async (tx) => {
      const before = await getLocked(tx, login)
      assertSameLogin(login, named)
      assertIfMatch(headers['if-match'], etagOf(before))
      return await editUser(tx, { before, edit, doer })
    })
    handOver(context, queued)
    return replyWith(user)
  },
)

/** `DELETE /user/{login}`: deletes a person; their login is revoked. */
export const deleteUserByLogin = defineRoute(
  {
    method: 'DELETE',
    path,
    operationId: 'deleteUser',
    summary: 'Deletes a person',
    description:
      'Their login is revoked and their password forgotten; a registration that waits is superseded.',
    tags,
    auth: write,
    params,
    responses: { 204: { description: 'Deleted' } },
    errors: {
      404: 'There is no such person',
      412: 'The person has changed since you read them',
    },
  },
  async ({ params: { login }, principal, requestId, traceparent, headers }, context) => {
    const doer = { actor: principal.subject, requestId, traceparent }
    const queued = await withTransaction(context.db, async (tx) => {
      const user = await getLocked(tx, login)
      const ifMatch = headers['if-match']
      if (ifMatch !== undefined) assertIfMatch(ifMatch, etagOf(user))
      return await removeUser(tx, user, doer)
    })
    handOver(context, queued)
    return { status: 204 }
  },
)

async function getLocked(tx: Transaction, login: string): Promise<User> {
  return (await lockUser(tx, login)) ?? throwNobody()
}

// Not awaited: the relay takes what Temporal does not.
function handOver(context: Pick<ApiContext, 'handOver'>, queued: readonly QueuedRun[]): void {
  for (const { id, start } of queued) void context.handOver(id, start)
}

// Somebody who gets the login of a person who was deleted is somebody else.
function etagOf({ id, version }: User): string {
  return createEtag(`${version}-${id.slice(0, ETAG_ID_LENGTH)}`)
}

function replyWith(user: User, status: 200 | 201 = 200): Reply {
  const location = status === 201 && { Location: `/user/${encodeURIComponent(user.login)}` }
  return {
    status,
    headers: { ETag: etagOf(user), ...location },
    body: presentUser(user),
  }
}

function assertSameLogin(login: string, named: string | undefined): void {
  if (named === undefined || loginKey(named) === loginKey(login)) return
  throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
    status: 422,
    details: {
      errors: [{ pointer: '/login', code: 'other_login', detail: "Must be the path's login" }],
    },
  })
}

function throwInvalidLogin(fault: string): never {
  const reason = `${fault.charAt(0).toLowerCase()}${fault.slice(1)}`
  throw new AppError('invalid_login', `Cannot create a person with this login: ${reason}`, {
    status: 422,
  })
}

function throwTaken(): never {
  throw new AppError('login_taken', 'Cannot create this person: there is one with this login', {
    status: 409,
  })
}

function throwNobody(): never {
  throw new AppError('not_found', 'Cannot find a person with this login', { status: 404 })
}
