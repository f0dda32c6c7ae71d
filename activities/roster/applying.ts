import { noTypeCounts, type RosterType } from '../../core/roster/run.ts'
import type { PersonOrder, ScimTarget } from '../../core/roster/target.ts'
import { withTransaction, type Database, type Transaction } from '../../db/client.ts'
import type { ChangePage, PendingChange } from '../../db/roster/apply.ts'
import { setRosterCounts } from '../../db/roster/run-states.ts'
import { lockRosterRun } from '../../db/roster/runs.ts'
import { insertRosterErrors } from '../../db/roster/staging.ts'
import { settleChanges } from '../../db/roster/verdicts.ts'
import type { RunParts } from './roster-deps.ts'

/** A step of a run's writes, from where it stands. */
export type Applying = RunParts & {
  readonly db: Database
  readonly target: ScimTarget
  readonly signal: AbortSignal
  /** Whoever leaves waits for a decision, with what follows from it. */
  readonly isRest: boolean
  readonly after: number
}

/** The page of changes that is next. */
export function pageOf({ run, provider, after, isRest }: Applying, limit: number): ChangePage {
  return { runId: run.id, providerId: provider.id, after, limit, withoutLeavers: isRest }
}

/** The orders of changes; one that there is nothing to do to is left. */
export async function takeOrders<O>(
  { db, run }: Applying,
  pending: readonly PendingChange<O>[],
): Promise<O[]> {
  const left = pending.filter(({ order }) => order === undefined).map(({ change }) => change)
  await settleChanges(db, run.id, { changes: left, state: 'left' })
  return pending.flatMap(({ order }) => (order === undefined ? [] : [order]))
}

/** A change that its target has refused. */
export type FailedChange = {
  readonly id: string
  readonly code: string
  readonly message: string
  readonly attempts: number
  readonly type: RosterType
  /** Undefined for a part of a change that is done otherwise. */
  readonly change?: number
}

export type Settling = {
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

/** Notes what became of changes, with what is to be saved of them: also of a run that is to end, as it is there. */
export async function settle(
  { db, run }: Pick<Applying, 'db' | 'run'>,
  { done, failed, op, type }: Settling,
  save: (tx: Transaction) => Promise<void>,
): Promise<void> {
  await withTransaction(db, async (tx) => {
    const locked = await lockRosterRun(tx, run.id)
    await save(tx)
    await settleChanges(tx, run.id, { changes: done, state: 'done' })
    const changes = failed.flatMap(({ change }) => (change === undefined ? [] : [change]))
    await settleChanges(tx, run.id, { changes, state: 'failed' })
    await insertRosterErrors(
      tx,
      run.id,
      failed.map(({ type: entity, ...rest }) => ({ ...rest, entity })),
    )
    if (!locked) return
    const counts = new Map(Object.entries(locked.counts))
    const add = (
      to: RosterType,
      name: 'failed' | (typeof COUNTED)[keyof typeof COUNTED],
      by: number,
    ): void => {
      const before = counts.get(to) ?? noTypeCounts
      counts.set(to, { ...before, [name]: before[name] + by })
    }
    if (type !== undefined && op in COUNTED)
      add(type, COUNTED[op as keyof typeof COUNTED], done.length)
    for (const one of failed) add(one.type, 'failed', 1)
    await setRosterCounts(tx, run.id, Object.fromEntries(counts))
  })
}
