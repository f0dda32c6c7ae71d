import { hashDocument } from '../../crypto/document-hash.ts'
import { revokeApproval } from '../approval/commands.ts'
import { supersedeApproval, type QueuedRun } from '../approval/open.ts'
import { appendAudit } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { findLogin, registrationOf } from './logins.ts'
import { createUser, deleteUser, updateUser, type NewUser, type User } from './users.ts'

/** Who changes people, and in which request. */
export type UserDoer = {
  readonly actor: string
  readonly requestId: string
  readonly traceparent?: string | undefined
}

/** What may be changed of a person; what is absent stays, and null takes away. */
export type UserEdit = {
  readonly [K in Exclude<keyof User, 'id' | 'login' | 'version'>]?:
    User[K] | (K extends 'country' | 'region' ? null : never) | undefined
}

/** Creates a person, audited; undefined when the login is taken. */
export async function addUser(
  tx: Queryable,
  user: NewUser,
  doer: UserDoer,
): Promise<User | undefined> {
  const added = await createUser(tx, user)
  if (added) await audit(tx, 'user.created', { after: added, doer })
  return added
}

/** Changes a locked person, audited. Another e-mail address or status ends what waits of a registration. */
export async function editUser(
  tx: Queryable,
  {
    before,
    edit,
    doer,
  }: { readonly before: User; readonly edit: UserEdit; readonly doer: UserDoer },
): Promise<{ readonly user: User; readonly queued: readonly QueuedRun[] }> {
  const given = Object.entries(edit)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, value ?? undefined] as const)
  const wanted: User = { ...before, ...Object.fromEntries(given) }
  if (hashUser(wanted).equals(hashUser(before))) return { user: before, queued: [] }
  const user = await updateUser(tx, wanted)
  await audit(tx, 'user.updated', { before, after: user, doer })
  const isAnother = user.email !== before.email || user.status !== before.status
  return { user, queued: isAnother ? await endRegistration(tx, user, doer) : [] }
}

/** Deletes a locked person, audited: their login is revoked, what waits of a registration ends. */
export async function removeUser(
  tx: Queryable,
  user: User,
  doer: UserDoer,
): Promise<readonly QueuedRun[]> {
  const login = await findLogin(tx, user.login)
  const ended = await endRegistration(tx, user, doer)
  const revoked =
    login?.registration === 'applied'
      ? await revokeApproval(tx, {
          ...doer,
          approvalId: login.approvalId,
          claims: { scopes: [] },
          reason: 'The person was deleted',
        })
      : undefined
  await deleteUser(tx, user.id)
  await audit(tx, 'user.deleted', { before: user, doer })
  return [...ended, ...(revoked?.queued ?? [])]
}

async function endRegistration(
  tx: Queryable,
  user: User,
  { actor, requestId, traceparent }: UserDoer,
): Promise<readonly QueuedRun[]> {
  const subject = registrationOf(user)
  const type = 'login-registration'
  return await supersedeApproval(tx, { type, subject, actor, requestId, traceparent })
}

type Audited = { readonly before?: User; readonly after?: User; readonly doer: UserDoer }

async function audit(
  tx: Queryable,
  action: string,
  { before, after, doer }: Audited,
): Promise<void> {
  await appendAudit(tx, [
    {
      actor: doer.actor,
      action,
      subject: { type: 'user', id: (after ?? before)?.id ?? '' },
      before: before && hashUser(before),
      after: after && hashUser(after),
      cause: { requestId: doer.requestId },
    },
  ])
}

// The id keeps others from trying out what the hash may be of.
function hashUser({ version: _version, ...user }: User): Buffer {
  return hashDocument(user)
}
