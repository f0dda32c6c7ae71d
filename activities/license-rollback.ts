import { rollbackApprovalType, isIdle, type RollbackState } from '../core/license/rollback.ts'
import { AppError } from '../core/errors.ts'
import { createKeyedHexHash, type KeyedHexHash } from '../crypto/keyed-hex-hash.ts'
import { openApproval } from '../db/approval/open.ts'
import { withTransaction, type Database, type Transaction } from '../db/client.ts'
import {
  listUnkeyedItems,
  recordItemKeys,
  summarisePlan,
  writePlan,
} from '../db/license/rollback-plan.ts'
import {
  endRollback,
  findRunWindow,
  lockRollback,
  recordPlan,
  type Rollback,
} from '../db/license/rollbacks.ts'
import { withHeartbeat } from './heartbeat.ts'
import { deriveItemKeys } from './license/rollback-keys.ts'

export type LicenseRollbackDeps = {
  readonly db: Database
  /** The key of keyed hashes: former content gets the hash that it had. */
  readonly hashKey: Uint8Array
}

export type RollbackRef = { readonly rollbackId: string }

export type LicenseRollbackActivities = {
  /**
   * Works out what becomes of every license, and opens the approval unless it is a dry run; once
   * however often it runs. Returns the state that the rollback is in then.
   */
  readonly planRollback: (input: RollbackRef) => Promise<{ readonly state: RollbackState }>
  /** Ends a rollback that cannot be planned. */
  readonly failRollback: (input: RollbackRef & { readonly code: string }) => Promise<void>
}

const KEYS_AT_ONCE = 1_000

/** Creates the activities of the run that plans a rollback; only ids and states go in and out. */
export function createLicenseRollbackActivities(
  deps: LicenseRollbackDeps,
): LicenseRollbackActivities {
  const { db } = deps
  const hash = createKeyedHexHash(deps.hashKey)
  return {
    planRollback: async ({ rollbackId }) =>
      await withHeartbeat(
        async () => await withTransaction(db, async (tx) => await plan(tx, rollbackId, hash)),
      ),
    failRollback: async ({ rollbackId, code }) =>
      await endRollback(db, rollbackId, { state: 'failed', failureCode: code }),
  }
}

async function plan(
  tx: Transaction,
  rollbackId: string,
  hash: KeyedHexHash,
): Promise<{ readonly state: RollbackState }> {
  const rollback = await lockRollback(tx, rollbackId)
  if (rollback.state !== 'planning') return { state: rollback.state }
  const window = await findRunWindow(tx, rollback.target)
  if (!window) throwNothing(rollback)
  await tx.query(`set local work_mem = '256MB'`)
  await writePlan(tx, rollback, window)
  await keyItems(tx, rollbackId, hash)
  return await keepPlan(tx, rollback)
}

async function keyItems(tx: Transaction, rollbackId: string, hash: KeyedHexHash): Promise<void> {
  let after = 0
  for (;;) {
    const items = await listUnkeyedItems(tx, rollbackId, { after, limit: KEYS_AT_ONCE })
    const last = items.at(-1)
    if (!last) return
    after = last.position
    await recordItemKeys(
      tx,
      rollbackId,
      items.map((item) => deriveItemKeys(hash, item)),
    )
  }
}

async function keepPlan(
  tx: Transaction,
  rollback: Rollback,
): Promise<{ readonly state: RollbackState }> {
  const summary = await summarisePlan(tx, rollback.id)
  const keep = async (
    state: RollbackState,
    more: { readonly failureCode?: string; readonly approvalId?: string } = {},
  ): Promise<{ readonly state: RollbackState }> => {
    await recordPlan(tx, rollback.id, { ...summary, state, ...more })
    return { state }
  }
  if (rollback.dryRun) return await keep('planned')
  if (isIdle(summary.counts)) return await keep('failed', { failureCode: 'nothing_to_roll_back' })
  const { compact, jurisdiction, target, tenant, requestId, traceparent, reason } = rollback
  const { approvalId } = await openApproval(tx, {
    type: rollbackApprovalType,
    subject: { type: rollbackApprovalType, id: rollback.id, hash: summary.planHash },
    summary: {
      compact,
      jurisdiction,
      [target.kind]: target.id,
      ...summary.counts,
      ...(reason !== undefined && { reason }),
    },
    requester: rollback.requestedBy,
    tenant,
    requestId,
    traceparent,
  })
  return await keep('awaiting-approval', { approvalId })
}

function throwNothing({ target }: Rollback): never {
  throw new AppError(
    'nothing_to_roll_back',
    `Cannot roll back ${target.kind} "${target.id}": it has written nothing, or has not ended`,
    { status: 409 },
  )
}
