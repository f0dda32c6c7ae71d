import type { AuditCause } from '../audit.ts'
import type { Queryable } from '../client.ts'
import { lockApproval, type LockedApproval } from './lock.ts'
import { writeStep } from './step.ts'

export type RefusedAttempt = {
  readonly approvalId: string
  /** The login as given; absent where nobody can tell. */
  readonly actor?: string | undefined
  /** Codes: why, and of what. */
  readonly detail: Readonly<Record<string, string>>
  readonly cause: AuditCause
}

/** Notes in the history and the audit log that somebody tried to decide and may not: it counts nothing. */
export async function noteRefused(tx: Queryable, attempt: RefusedAttempt): Promise<LockedApproval> {
  const locked = await lockApproval(tx, attempt.approvalId)
  const { approval, requestId } = locked.stored
  const step = { approval, events: [{ event: 'vote-refused', detail: attempt.detail }] } as const
  const by = { actor: attempt.actor, cause: { requestId, ...attempt.cause } }
  await writeStep(tx, locked, { step, by })
  return locked
}
