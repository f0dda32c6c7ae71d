import { Context } from '@temporalio/activity'
import { findCompact, timeZoneOf, type Compacts } from '../../core/license/compacts.ts'
import { dayIn } from '../../core/license/provider-view.ts'
import { AppError } from '../../core/errors.ts'
import type { DecidedApproval } from '../../db/approval/effect.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { applyNextItems, type RollbackScope } from '../../db/license/rollback-apply.ts'
import { finishRollback, hasBegun } from '../../db/license/rollback-end.ts'
import { isPlanCurrent } from '../../db/license/rollback-plan.ts'
import {
  endRollback,
  findRollback,
  hasUploadFromBefore,
  lockRollback,
  markRollbackApplying,
  type Rollback,
} from '../../db/license/rollbacks.ts'
import type { ApprovalEffect } from '../approval/effects.ts'
import { currentCause } from '../context.ts'

export type RollbackEffectDeps = {
  readonly db: Database
  readonly compacts: Compacts
  readonly now?: () => Date
  /** Licenses that one transaction deals with; 500 unless said. */
  readonly pageSize?: number
}

const PAGE_SIZE = 500
const LOOK_EVERY_MS = 500
const PATIENCE_MS = 300_000
const RETRY_SECONDS = 30

/**
 * Applies a rollback's plan exactly as it was approved, page by page, each page one transaction that
 * marks its licenses as dealt with: whoever goes on after a crash does what is left.
 */
export function createRollbackEffect(deps: RollbackEffectDeps): ApprovalEffect {
  const { db } = deps
  return {
    apply: async (approval) => await applyRollback(deps, approval),
    isApplied: async ({ subject }) => (await findRollback(db, subject.id))?.state === 'applied',
    async settle({ subject, state }) {
      // What was applied stays applied: it is taken back by another rollback, of this one.
      if (state !== 'denied' && state !== 'expired' && state !== 'withdrawn') return
      await endRollback(db, subject.id, { state })
    },
  }
}

async function applyRollback(deps: RollbackEffectDeps, approval: DecidedApproval): Promise<void> {
  const { db, pageSize = PAGE_SIZE } = deps
  const rollback = await begin(db, approval)
  if (rollback.state === 'applied') return
  await waitForUploads(db, rollback)
  await assertPlanCurrent(db, rollback)
  const scope = createScope(deps, rollback)
  for (;;) {
    // What has its page done goes on elsewhere when this worker stops.
    Context.current().cancellationSignal.throwIfAborted()
    const settled = await withTransaction(db, async (tx) => {
      const { state } = await lockRollback(tx, rollback.id)
      return state === 'applying' ? await applyNextItems(tx, scope, pageSize) : 0
    })
    if (settled === 0) break
  }
  await withTransaction(db, async (tx) => await finishRollback(tx, scope))
}

async function begin(db: Database, { subject, approvalId }: DecidedApproval): Promise<Rollback> {
  return await withTransaction(db, async (tx) => {
    const { state, planHash } = await lockRollback(tx, subject.id)
    const isOurs = ['awaiting-approval', 'applying', 'applied'].includes(state)
    if (!isOurs || planHash !== subject.hash) throwChanged(approvalId)
    await markRollbackApplying(tx, subject.id)
    return await lockRollback(tx, subject.id)
  })
}

// Uploads that began before may hold rows back as unchanged beside what is about to change.
async function waitForUploads(db: Database, rollback: Rollback): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (await hasUploadFromBefore(db, rollback)) {
    if (Date.now() > deadline) throwUploadsOpen(rollback)
    await Context.current().sleep(LOOK_EVERY_MS)
  }
}

// Once a license was written, the others follow; until then the plan has to hold as a whole.
async function assertPlanCurrent(db: Database, { id, approvalId = '' }: Rollback): Promise<void> {
  const isCurrent = await withTransaction(db, async (tx) => {
    await lockRollback(tx, id)
    if ((await hasBegun(tx, id)) || (await isPlanCurrent(tx, id))) return true
    await endRollback(tx, id, { state: 'superseded' })
    return false
  })
  if (!isCurrent) throwChanged(approvalId)
}

function createScope({ compacts, now }: RollbackEffectDeps, rollback: Rollback): RollbackScope {
  const compact = findCompact(compacts, rollback.compact)
  const types = compact?.licenseTypes ?? []
  const zone = compact && timeZoneOf(compact, rollback.jurisdiction)
  return {
    rollback,
    actor: rollback.requestedBy,
    workflowId: currentCause().workflowId ?? '',
    today: dayIn(zone ?? 'Etc/GMT+4', now?.() ?? new Date()),
    abbreviations: Object.fromEntries(types.map((type) => [type.name, type.abbreviation])),
  }
}

function throwChanged(approvalId: string): never {
  throw new AppError(
    'subject_changed',
    `Cannot apply approval "${approvalId}": licenses were changed since it was planned`,
    { status: 409 },
  )
}

function throwUploadsOpen({ id }: Rollback): never {
  throw new AppError(
    'uploads_open',
    `Cannot apply rollback "${id}" yet: uploads of its jurisdiction are running`,
    { status: 503, retryAfterSeconds: RETRY_SECONDS },
  )
}
