import { appendAudit, type AuditCause } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { addMember, createGroup, removeMember } from './groups.ts'

/** Which group changes, who changes it and why. */
export type GroupChange = {
  readonly group: string
  readonly actor: string
  readonly cause: AuditCause
}

export type MemberChange = GroupChange & { readonly userId: string }

/** Makes a group where there is none, audited; true when it is new. */
export async function openGroup(tx: Queryable, change: GroupChange): Promise<boolean> {
  const isNew = await createGroup(tx, change.group)
  if (isNew) await auditGroup(tx, 'group.created', change)
  return isNew
}

/** Adds a person to a group, audited; true when they did not belong to it. */
export async function enterGroup(tx: Queryable, change: MemberChange): Promise<boolean> {
  const isNew = await addMember(tx, change)
  if (isNew) await auditGroup(tx, 'group.member-added', change)
  return isNew
}

/** Takes a person out of a group, audited; true when they belonged to it. */
export async function leaveGroup(tx: Queryable, change: MemberChange): Promise<boolean> {
  const isGone = await removeMember(tx, change)
  if (isGone) await auditGroup(tx, 'group.member-removed', change)
  return isGone
}

async function auditGroup(
  tx: Queryable,
  action: string,
  { group, actor, cause, userId }: GroupChange & { readonly userId?: string },
): Promise<void> {
  await appendAudit(tx, [
    {
      actor,
      action,
      subject: { type: 'group', id: group },
      cause: { ...cause, ...(userId !== undefined && { userId }) },
    },
  ])
}
