import type { RosterType } from '../../core/roster/run.ts'
import type { GroupOrder, MembersVerdict, Verdict } from '../../core/roster/target.ts'
import { withTransaction } from '../../db/client.ts'
import {
  listPendingGroups,
  listPendingMembers,
  type PendingChange,
  type PendingMembers,
} from '../../db/roster/apply.ts'
import { prepareLookups } from '../../db/roster/sets.ts'
import { forgetGroups, saveGroups, saveMembers, settleChanges } from '../../db/roster/verdicts.ts'
import { pageOf, settle, takeOrders, type Applying, type FailedChange } from './applying.ts'

export type GroupsStep = {
  readonly op: GroupOrder['op']
  /** A name that is taken is not tried again. */
  readonly isLast: boolean
}

const CONFLICTS: ReadonlySet<string> = new Set(['conflict', 'display_name_conflict'])
const GROUPS_AT_ONCE = 500
const MEMBERS_AT_ONCE = 100

/** Does the next changes of groups; answers the last one, undefined where there is none left. */
export async function applyGroups(
  applying: Applying,
  { op, isLast }: GroupsStep,
): Promise<number | undefined> {
  const { db, target, signal, isRest, provider } = applying
  if (isRest && op === 'delete') return undefined
  const pending = await listPendingGroups(db, { ...pageOf(applying, GROUPS_AT_ONCE), op })
  const orders = await takeOrders(applying, pending)
  // Schools and sections may have the same id: one of each at a time.
  for (const type of ['schools', 'sections'] as const) {
    const ofType = pending.filter((one) => one.type === type && one.order !== undefined)
    const byId = new Map(ofType.map((one) => [one.order?.id ?? '', one]))
    const own = orders.filter((order) => byId.get(order.id)?.order === order)
    if (own.length === 0) continue
    await target.writeGroups(own, {
      signal,
      onVerdicts: async (verdicts) =>
        await settleGroups(applying, {
          providerId: provider.id,
          type,
          op,
          byId,
          verdicts,
          isFinal: isLast && !isRest,
        }),
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
  /** A name that is taken is not tried again. */
  readonly isFinal: boolean
}

async function settleGroups(applying: Applying, settling: GroupVerdicts): Promise<void> {
  const { type, op, byId, verdicts, providerId, isFinal } = settling
  const done: { readonly change: number; readonly order: GroupOrder; readonly scimId: string }[] =
    []
  const failed: FailedChange[] = []
  for (const verdict of verdicts) {
    const found = byId.get(verdict.id)
    if (!found?.order) continue
    const { change, order } = found
    if (verdict.outcome !== 'failed') done.push({ change, order, scimId: verdict.scimId })
    else if (isFinal || !CONFLICTS.has(verdict.code)) failed.push({ ...verdict, change, type })
  }
  await settle(
    applying,
    { failed, done: done.map(({ change }) => change), op, type },
    async (tx) => {
      if (op === 'delete') {
        await forgetGroups(
          tx,
          providerId,
          done.map(({ order }) => ({ type, id: order.id })),
        )
        return
      }
      const groups = done.flatMap(({ order, scimId }) =>
        'after' in order ? [{ type, id: order.id, scimId, ...order.after }] : [],
      )
      await saveGroups(tx, providerId, groups)
    },
  )
}

/** Does the next changes of members; answers the last one, undefined where there is none left. */
export async function applyMembers(applying: Applying): Promise<number | undefined> {
  const { db, target, signal, run } = applying
  const pending = await withTransaction(db, async (tx) => {
    await prepareLookups(tx)
    return await listPendingMembers(tx, pageOf(applying, MEMBERS_AT_ONCE))
  })
  await takeOrders(applying, pending)
  const wanted = pending.filter(
    ({ add, remove, order }) => order && (add.size > 0 || remove.size > 0),
  )
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
  const gone: { readonly type: RosterType; readonly id: string }[] = []
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
      // The next run makes it anew.
      if (verdict.code === 'group_gone') gone.push({ type, id: verdict.id })
      continue
    }
    const refused = new Set(verdict.refused.map(({ member }) => member))
    const add = [...pending.add].filter(([, scimId]) => !refused.has(scimId)).map(([id]) => id)
    settled.push({ pending, add })
    if (!pending.isPart) done.push(change)
  }
  await settle(applying, { failed, done, op: 'members', type: undefined }, async (tx) => {
    const groups = settled.map(({ pending: { type, id, remove }, add }) => ({
      type,
      id,
      add,
      remove,
    }))
    await saveMembers(tx, provider.id, groups)
    await forgetGroups(tx, provider.id, gone)
  })
}
