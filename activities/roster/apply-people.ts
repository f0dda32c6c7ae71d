import { createHash } from 'node:crypto'
import type { PersonOrder, Verdict } from '../../core/roster/target.ts'
import { appendAudit, type AuditCause, type AuditEntry } from '../../db/audit.ts'
import { listPendingPeople, type PendingChange } from '../../db/roster/apply.ts'
import { forgetAccounts, noteDeactivated, saveAccounts } from '../../db/roster/verdicts.ts'
import { pageOf, settle, takeOrders, type Applying, type FailedChange } from './applying.ts'
import { describeReason } from './reason.ts'
import type { RunParts } from './roster-deps.ts'

export type PeopleStep = {
  readonly op: 'create' | 'update' | 'deactivate' | 'delete'
  /** A name that is taken is not tried again. */
  readonly isLast: boolean
}

const PEOPLE_AT_ONCE = 1_000
const CONFLICTS: ReadonlySet<string> = new Set(['conflict', 'username_conflict'])

/** Does the next changes of people; answers the last one, undefined where there is none left. */
export async function applyPeople(
  applying: Applying,
  { op, isLast }: PeopleStep,
): Promise<number | undefined> {
  const { db, isRest } = applying
  if (isRest && (op === 'deactivate' || op === 'delete')) return undefined
  const page = pageOf(applying, PEOPLE_AT_ONCE)
  const pending = await listPendingPeople(db, { ...page, op })
  await writePending(applying, pending, { op, isFinal: isLast && !isRest })
  return pending.at(-1)?.change
}

/** Writes changes of people, and notes what becomes of them. */
export async function writePending(
  applying: Applying,
  pending: readonly PendingChange<PersonOrder>[],
  step: Pick<PeopleVerdicts, 'op' | 'isFinal'>,
): Promise<void> {
  const { target, signal } = applying
  const orders = await takeOrders(applying, pending)
  const byId = new Map(pending.map((one) => [one.order?.id ?? '', one]))
  if (orders.length === 0) return
  await target.writePeople(orders, {
    signal,
    onVerdicts: async (verdicts) => await settlePeople(applying, { byId, verdicts, ...step }),
  })
}

type PeopleVerdicts = {
  readonly byId: ReadonlyMap<string, PendingChange<PersonOrder>>
  readonly op: PeopleStep['op']
  readonly verdicts: readonly Verdict[]
  /** A name that is taken is not tried again. */
  readonly isFinal: boolean
}

async function settlePeople(applying: Applying, settling: PeopleVerdicts): Promise<void> {
  const { byId, op, verdicts, isFinal } = settling
  const done: { readonly change: number; readonly order: PersonOrder; readonly scimId: string }[] =
    []
  const failed: FailedChange[] = []
  for (const verdict of verdicts) {
    const found = byId.get(verdict.id)
    if (!found?.order) continue
    const { change, order } = found
    if (verdict.outcome !== 'failed') done.push({ change, order, scimId: verdict.scimId })
    else if (isFinal || !CONFLICTS.has(verdict.code))
      failed.push({ ...verdict, change, type: 'users' })
  }
  await settle(
    applying,
    { failed, done: done.map(({ change }) => change), op, type: 'users' },
    async (tx) => {
      const { provider } = applying
      const ids = done.map(({ order }) => order.id)
      if (op === 'deactivate') await noteDeactivated(tx, provider.id, ids)
      else if (op === 'delete') await forgetAccounts(tx, provider.id, ids)
      else {
        const people = done.flatMap(({ order, scimId }) =>
          'after' in order ? [{ id: order.id, scimId, person: order.after }] : [],
        )
        await saveAccounts(tx, provider.id, people)
      }
      await appendAudit(
        tx,
        done.map(({ order }) => auditPerson(applying, order)),
      )
    },
  )
}

const AUDIT_ACTIONS = {
  create: 'roster.created',
  update: 'roster.updated',
  deactivate: 'roster.deactivated',
  delete: 'roster.deleted',
  entitle: 'roster.entitled',
} as const

/** The entry of an order that the target has carried out. */
export function auditPerson({ run, provider, ...rest }: Applying, order: PersonOrder): AuditEntry {
  return {
    actor: run.startedBy ?? 'registrar',
    action: AUDIT_ACTIONS[order.op],
    subject: { type: 'roster-account', id: findExternalId(order, provider.id) },
    ...('before' in order && { before: hashOf(order.before) }),
    ...('after' in order && { after: hashOf(order.after) }),
    cause: causeOf({ run, provider, ...rest }, order.op === 'deactivate' || order.op === 'delete'),
  }
}

function findExternalId(order: PersonOrder, providerId: string): string {
  if ('after' in order) return order.after.externalId
  return 'externalId' in order ? order.externalId : `${providerId}:${order.id}`
}

function hashOf(value: unknown): Uint8Array {
  return createHash('sha256').update(JSON.stringify(value)).digest()
}

function causeOf({ run, provider }: RunParts, isEnding: boolean): AuditCause {
  return {
    requestId: run.requestId,
    tenant: run.tenant,
    providerId: provider.id,
    syncId: run.id,
    ...(isEnding && describeReason(run)),
  }
}
