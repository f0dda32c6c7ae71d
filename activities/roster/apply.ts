import { createHash } from 'node:crypto'
import { noTypeCounts, rosterTypes, type RosterCounts, type RosterType } from '../../core/roster/run.ts'
import type {
  GroupOrder,
  MembersVerdict,
  PersonOrder,
  ScimTarget,
  Verdict,
} from '../../core/roster/target.ts'
import { appendAudit, type AuditCause, type AuditEntry } from '../../db/audit.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import {
  listPendingGroups,
  listPendingMembers,
  listPendingPeople,
  type PendingChange,
  type PendingMembers,
} from '../../db/roster/apply.ts'
import { setRosterCounts } from '../../db/roster/run-states.ts'
import { lockRosterRun, type RosterRun } from '../../db/roster/runs.ts'
import { insertRosterErrors } from '../../db/roster/staging.ts'
import {
  forgetAccounts,
  forgetGroups,
  noteDeactivated,
  saveAccounts,
  saveGroups,
  saveMembers,
  settleChanges,
  sumDoneChanges,
} from '../../db/roster/verdicts.ts'
import { findPauseEnd, type Slice } from './pull.ts'
import { findDeadline, getRunParts, type RosterDeps, type RunParts } from './roster-deps.ts'
import { describeReason } from './reason.ts'

/** How far a run's writes have come: all steps before, and all changes of the step up to one, are done. */
export type ApplyCursor = { readonly step: number; readonly after: number }

export type AppliedSlice = Slice & { readonly cursor: ApplyCursor }

/**
 * In this order: renamed before named alike; accounts before the groups that they are in; whoever
 * leaves at last. A name that is still taken at the first attempt may be free at the second.
 */
const STEPS = [
  { what: 'people', op: 'update', isLast: false },
  { what: 'people', op: 'create', isLast: false },
  { what: 'people', op: 'update', isLast: true },
  { what: 'people', op: 'create', isLast: true },
  { what: 'groups', ops: ['create', 'update'] },
  { what: 'members' },
  { what: 'people', op: 'deactivate', isLast: true },
  { what: 'people', op: 'delete', isLast: true },
  { what: 'groups', ops: ['delete'] },
] as const

const PEOPLE_AT_ONCE = 1_000
const GROUPS_AT_ONCE = 500
const MEMBERS_AT_ONCE = 100
const CONFLICTS: ReadonlySet<string> = new Set(['conflict', 'username_conflict', 'user_name_conflict'])

type Applying = RunParts & {
  readonly db: Database
  readonly target: ScimTarget
  readonly signal: AbortSignal
  /** Whoever leaves waits for a decision, with what follows from it. */
  readonly isRest: boolean
  readonly step: (typeof STEPS)[number]
  readonly after: number
}

/** Writes on where the run stands, until all is written that may be or the time is up. */
export async function applyChanges(
  deps: RosterDeps,
  { runId, cursor: start }: { readonly runId: string; readonly cursor?: ApplyCursor | undefined },
  signal: AbortSignal,
): Promise<AppliedSlice> {
  const { db } = deps
  const deadline = findDeadline(deps)
  const { run, provider } = await getRunParts(db, runId)
  let cursor = start ?? { step: 0, after: 0 }
  if (run.state !== 'applying') return { state: 'done', cursor }
  if (!start) await bookDone(db, run)
  const target = await deps.openTarget(provider)
  const isRest = waitsForDecision(run)
  while (Date.now() < deadline) {
    const step = STEPS[cursor.step]
    if (!step) return { state: 'done', cursor }
    const untilMs = await findPauseEnd(db, { run, provider })
    if (untilMs !== undefined) return { state: 'paused', untilMs, cursor }
    signal.throwIfAborted()
    const { after } = cursor
    const last = await applyStep({ db, run, provider, target, signal, isRest, step, after })
    cursor = last === undefined ? { step: cursor.step + 1, after: 0 } : { ...cursor, after: last }
  }
  return { state: 'more', cursor }
}

/** True for a run whose guard has tripped and nobody has decided on: only the rest may be done. */
export function waitsForDecision({ guard, approvalId }: RosterRun): boolean {
  return approvalId === null && (guard ?? []).some(({ tripped }) => tripped)
}

// The counts of a run that writes are what is written.
async function bookDone(db: Database, { id }: RosterRun): Promise<void> {
  await withTransaction(db, async (tx) => {
    const run = await lockRosterRun(tx, id)
    if (run?.state !== 'applying') return
    const sums = new Map((await sumDoneChanges(tx, id)).map(({ type, ...sum }) => [type, sum]))
    const none = { created: 0, updated: 0, deactivated: 0 }
    const counts = rosterTypes.map((type) => {
      const { fetched, unchanged, failed } = run.counts[type] ?? noTypeCounts
      return [type, { fetched, unchanged, failed, ...(sums.get(type) ?? none) }]
    })
    await setRosterCounts(tx, id, Object.fromEntries(counts) as RosterCounts)
  })
}

// The last change that was looked at; undefined where there is none left.
async function applyStep(applying: Applying): Promise<number | undefined> {
  const { step } = applying
  switch (step.what) {
    case 'people':
      return await applyPeople(applying, step)
    case 'groups':
      return await applyGroups(applying, step.ops)
    case 'members':
      return await applyMembers(applying)
    default:
      return step satisfies never
  }
}

function pageOf({ run, provider, after, isRest }: Applying, limit: number): Parameters<typeof listPendingMembers>[1] {
  return { runId: run.id, providerId: provider.id, after, limit, withoutLeavers: isRest }
}

type PeopleStep = Extract<(typeof STEPS)[number], { readonly what: 'people' }>

async function applyPeople(
  applying: Applying,
  { op, isLast }: PeopleStep,
): Promise<number | undefined> {
  const { db, target, signal, isRest } = applying
  if (isRest && (op === 'deactivate' || op === 'delete')) return undefined
  const page = pageOf(applying, PEOPLE_AT_ONCE)
  const pending = await listPendingPeople(db, { ...page, op })
  const orders = await takeOrders(applying, pending)
  const byId = new Map(pending.map((one) => [one.order?.id ?? '', one]))
  if (orders.length > 0) {
    await target.writePeople(orders, {
      signal,
      onVerdicts: async (verdicts) =>
        await settlePeople(applying, { byId, op, verdicts, isFinal: isLast && !isRest }),
    })
  }
  return pending.at(-1)?.change
}

// What there is nothing to do to is left; the orders of all else.
async function takeOrders<O>(
  { db, run }: Applying,
  pending: readonly PendingChange<O>[],
): Promise<O[]> {
  const left = pending.filter(({ order }) => order === undefined).map(({ change }) => change)
  await settleChanges(db, run.id, { changes: left, state: 'left' })
  return pending.flatMap(({ order }) => (order === undefined ? [] : [order]))
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
  const done: { readonly change: number; readonly order: PersonOrder; readonly scimId: string }[] = []
  const failed: FailedChange[] = []
  for (const verdict of verdicts) {
    const found = byId.get(verdict.id)
    if (!found?.order) continue
    const { change, order } = found
    if (verdict.outcome !== 'failed') done.push({ change, order, scimId: verdict.scimId })
    else if (isFinal || !CONFLICTS.has(verdict.code)) failed.push({ ...verdict, change, type: 'users' })
  }
  await settle(applying, { failed, done: done.map(({ change }) => change), op, type: 'users' }, async (tx) => {
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
    await appendAudit(tx, done.map(({ order }) => auditPerson(applying, order)))
  })
}

const AUDIT_ACTIONS = {
  create: 'roster.created',
  update: 'roster.updated',
  deactivate: 'roster.deactivated',
  delete: 'roster.deleted',
  entitle: 'roster.entitled',
} as const

function auditPerson({ run, provider, ...rest }: Applying, order: PersonOrder): AuditEntry {
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

async function applyGroups(
  applying: Applying,
  ops: readonly ('create' | 'update' | 'delete')[],
): Promise<number | undefined> {
  const { db, target, signal, isRest, provider } = applying
  if (isRest && ops.includes('delete')) return undefined
  const pending = await listPendingGroups(db, { ...pageOf(applying, GROUPS_AT_ONCE), ops })
  const orders = await takeOrders(applying, pending)
  // Schools and sections may have the same id: one of each at a time.
  for (const type of ['schools', 'sections'] as const) {
    const ofType = pending.filter((one) => one.type === type && one.order !== undefined)
    const byId = new Map(ofType.map((one) => [one.order?.id ?? '', one]))
    const own = orders.filter((order) => byId.get(order.id)?.order === order)
    if (own.length === 0) continue
    await target.writeGroups(own, {
      signal,
      onVerdicts: async (verdicts) => {
        for (const op of ops) {
          await settleGroups(applying, { providerId: provider.id, type, op, byId, verdicts })
        }
      },
    })
  }
  return pending.at(-1)?.change
}

type GroupVerdicts = {
  readonly providerId: string
  readonly type: 'schools' | 'sections'
  readonly op: GroupOrder['op']
  readonly byId: ReadonlyMap<string, PendingChange<GroupOrder>>
  readonly verdicts: readonly Verdict[]
}

async function settleGroups(applying: Applying, settling: GroupVerdicts): Promise<void> {
  const { type, op, byId, verdicts, providerId } = settling
  const done: { readonly change: number; readonly order: GroupOrder; readonly scimId: string }[] = []
  const failed: FailedChange[] = []
  for (const verdict of verdicts) {
    const found = byId.get(verdict.id)
    if (found?.order?.op !== op) continue
    const { change, order } = found
    if (verdict.outcome === 'failed') failed.push({ ...verdict, change, type })
    else done.push({ change, order, scimId: verdict.scimId })
  }
  await settle(applying, { failed, done: done.map(({ change }) => change), op, type }, async (tx) => {
    if (op === 'delete') {
      await forgetGroups(tx, providerId, done.map(({ order }) => ({ type, id: order.id })))
      return
    }
    const groups = done.flatMap(({ order, scimId }) =>
      'after' in order ? [{ type, id: order.id, scimId, ...order.after }] : [],
    )
    await saveGroups(tx, providerId, groups)
  })
}

async function applyMembers(applying: Applying): Promise<number | undefined> {
  const { db, target, signal, run } = applying
  const pending = await listPendingMembers(db, pageOf(applying, MEMBERS_AT_ONCE))
  await takeOrders(applying, pending)
  const wanted = pending.filter(({ add, remove, order }) => order && (add.size > 0 || remove.size > 0))
  const same = pending.filter((one) => one.order && !one.isPart && !wanted.includes(one))
  await settleChanges(db, run.id, { changes: same.map(({ change }) => change), state: 'done' })
  for (const type of ['schools', 'sections'] as const) {
    const byId = new Map(wanted.filter((one) => one.type === type).map((one) => [one.id, one]))
    const orders = [...byId.values()].flatMap(({ order }) => (order ? [order] : []))
    if (orders.length === 0) continue
    await target.writeMembers(orders, {
      signal,
      onVerdicts: async (verdicts) => await settleMembers(applying, byId, verdicts),
    })
  }
  return pending.at(-1)?.change
}

async function settleMembers(
  applying: Applying,
  byId: ReadonlyMap<string, PendingMembers>,
  verdicts: readonly MembersVerdict[],
): Promise<void> {
  const { provider } = applying
  const failed: FailedChange[] = []
  const done: number[] = []
  const settled: { readonly pending: PendingMembers; readonly add: readonly string[] }[] = []
  for (const verdict of verdicts) {
    const pending = byId.get(verdict.id)
    if (!pending) continue
    const { type, change } = pending
    for (const { member, code } of verdict.refused) {
      const message = `The target does not take a member of this group: ${member}`
      failed.push({ id: verdict.id, code, message, attempts: verdict.attempts, type })
    }
    if (verdict.outcome === 'failed') {
      failed.push({ ...verdict, change, type })
      continue
    }
    const refused = new Set(verdict.refused.map(({ member }) => member))
    const add = [...pending.add].filter(([, scimId]) => !refused.has(scimId)).map(([id]) => id)
    settled.push({ pending, add })
    if (!pending.isPart) done.push(change)
  }
  await settle(applying, { failed, done, op: 'members', type: undefined }, async (tx) => {
    for (const { pending, add } of settled) {
      const { type, id, remove } = pending
      await saveMembers(tx, provider.id, { type, id, add, remove })
    }
  })
}

type FailedChange = {
  readonly id: string
  readonly code: string
  readonly message: string
  readonly attempts: number
  readonly type: RosterType
  /** Undefined for a part of a change that is done otherwise. */
  readonly change?: number
}

type Settling = {
  readonly done: readonly number[]
  readonly failed: readonly FailedChange[]
  readonly op: PersonOrder['op'] | 'members'
  readonly type: RosterType | undefined
}

const COUNTED = {
  create: 'created',
  update: 'updated',
  deactivate: 'deactivated',
  delete: 'deactivated',
} as const

// What was written is noted even when the run is to end: it is there.
async function settle(
  { db, run }: Applying,
  { done, failed, op, type }: Settling,
  save: (tx: Transaction) => Promise<void>,
): Promise<void> {
  await withTransaction(db, async (tx) => {
    const locked = await lockRosterRun(tx, run.id)
    await save(tx)
    await settleChanges(tx, run.id, { changes: done, state: 'done' })
    const changes = failed.flatMap(({ change }) => (change === undefined ? [] : [change]))
    await settleChanges(tx, run.id, { changes, state: 'failed' })
    await insertRosterErrors(tx, run.id, failed.map(({ type: entity, ...rest }) => ({ ...rest, entity })))
    if (!locked) return
    const counts = new Map(Object.entries(locked.counts))
    const add = (to: RosterType, name: 'failed' | (typeof COUNTED)[keyof typeof COUNTED], by: number): void => {
      const before = counts.get(to) ?? noTypeCounts
      counts.set(to, { ...before, [name]: before[name] + by })
    }
    if (type !== undefined && op in COUNTED) add(type, COUNTED[op as keyof typeof COUNTED], done.length)
    for (const one of failed) add(one.type, 'failed', 1)
    await setRosterCounts(tx, run.id, Object.fromEntries(counts))
  })
}
