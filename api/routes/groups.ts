import { z } from 'zod'
import { findGroupNameFault } from '../../core/user/group.ts'
import { loginKey } from '../../core/user/login.ts'
import { AppError } from '../../core/errors.ts'
import { withTransaction, type Transaction } from '../../db/client.ts'
import { enterGroup, leaveGroup, openGroup, type GroupChange } from '../../db/user/group-changes.ts'
import { hasGroup, listMembers } from '../../db/user/groups.ts'
import { findUser, type User } from '../../db/user/users.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'

const auth = { anyScope: ['group:write'] }
const tags = ['users']
const group = z.string().describe('Name of the group, as it is')
const login = z.string().min(1).describe('In whatever case')
const groupSchema = z.object({ name: z.string() })
const memberSchema = z.object({
  login: z.string(),
  name: z.string(),
  status: z.enum(['active', 'disabled']),
})
const positionSchema = z.object({ after: z.string() })
const example = { name: 'login_approvers' }

/** `PUT /v1/groups/{group}`: makes a group. */
export const putGroup = defineRoute(
  {
    method: 'PUT',
    path: '/v1/groups/{group}',
    operationId: 'putGroup',
    summary: 'Makes a group',
    tags,
    auth,
    params: z.object({ group }),
    responses: {
      200: { description: 'It was there', schema: groupSchema, example },
      201: { description: 'Made', schema: groupSchema, example },
    },
    errors: { 422: 'No group may have this name' },
  },
  async ({ params, principal, requestId }, { db }) => {
    const fault = findGroupNameFault(params.group)
    if (fault !== undefined) throwInvalidName(fault)
    const change = { group: params.group, actor: principal.subject, cause: { requestId } }
    const isNew = await withTransaction(db, async (tx) => await openGroup(tx, change))
    return { status: isNew ? 201 : 200, body: { name: params.group } }
  },
)

const memberParams = z.object({ group, login })
const memberErrors = { 404: 'There is no such group, or no such person' }

/** `PUT /v1/groups/{group}/members/{login}`: adds a person; takes effect at once. */
export const putGroupMember = defineRoute(
  {
    method: 'PUT',
    path: '/v1/groups/{group}/members/{login}',
    operationId: 'putGroupMember',
    summary: 'Adds a person to a group',
    tags,
    auth,
    params: memberParams,
    responses: { 204: { description: 'The person belongs to the group' } },
    errors: memberErrors,
  },
  async ({ params, principal, requestId }, { db }) => {
    const change = { group: params.group, actor: principal.subject, cause: { requestId } }
    await withTransaction(db, async (tx) => {
      await enterGroup(tx, { ...change, userId: (await getMember(tx, params)).id })
    })
    return { status: 204 }
  },
)

/** `DELETE /v1/groups/{group}/members/{login}`: takes a person out; takes effect at once. */
export const deleteGroupMember = defineRoute(
  {
    method: 'DELETE',
    path: '/v1/groups/{group}/members/{login}',
    operationId: 'deleteGroupMember',
    summary: 'Takes a person out of a group',
    tags,
    auth,
    params: memberParams,
    responses: { 204: { description: 'The person does not belong to the group' } },
    errors: { 404: 'There is no such group' },
  },
  async ({ params, principal, requestId }, { db }) => {
    const change: GroupChange = {
      group: params.group,
      actor: principal.subject,
      cause: { requestId },
    }
    await withTransaction(db, async (tx) => {
      await assertGroup(tx, params.group)
      const user = await findUser(tx, params.login)
      if (user) await leaveGroup(tx, { ...change, userId: user.id })
    })
    return { status: 204 }
  },
)

/** `GET /v1/groups/{group}/members`: who belongs to a group, disabled people too. */
export const listGroupMembers = defineRoute(
  {
    method: 'GET',
    path: '/v1/groups/{group}/members',
    operationId: 'listGroupMembers',
    summary: 'Lists the members of a group by login',
    tags,
    auth,
    params: z.object({ group }),
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of members',
        schema: pageOf(memberSchema),
        example: { items: [{ login: 'ada', name: 'Ada L.', status: 'active' }], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such group' },
  },
  async ({ params, query, url }, { db, cursors }) => {
    await assertGroup(db, params.group)
    const list = `members ${params.group}`
    const after =
      query.cursor === undefined ? '' : positionSchema.parse(cursors.open(list, query.cursor)).after
    const limit = query.limit + 1
    const found = await listMembers(db, { group: params.group, after, limit })
    const { items, last } = cutPage(found, query.limit)
    const next = last && cursors.sign(list, { after: loginKey(last.login) })
    return replyWithPage(url, { items, next })
  },
)

async function getMember(
  tx: Transaction,
  params: { readonly group: string; readonly login: string },
): Promise<User> {
  await assertGroup(tx, params.group)
  const user = await findUser(tx, params.login)
  if (user) return user
  throw new AppError('not_found', 'Cannot find a person with this login', { status: 404 })
}

async function assertGroup(db: Pick<Transaction, 'query'>, name: string): Promise<void> {
  // What no group can be called may hold what PostgreSQL does not take.
  if (findGroupNameFault(name) === undefined && (await hasGroup(db, name))) return
  throw new AppError('not_found', `Cannot find group "${name}"`, { status: 404 })
}

function throwInvalidName(fault: string): never {
  const reason = `${fault.charAt(0).toLowerCase()}${fault.slice(1)}`
  throw new AppError('invalid_group', `Cannot make a group of this name: ${reason}`, {
    status: 422,
  })
}
