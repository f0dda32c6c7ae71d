import { z } from 'zod'
import { keepReasons, rollbackActions, rollbackStates } from '../../core/license/rollback.ts'
import type { RollbackItem } from '../../db/license/rollback-items.ts'
import type { Rollback } from '../../db/license/rollbacks.ts'

const count = z.int().min(0)
const time = z.iso.datetime()

/** A rollback as callers see it. */
export const rollbackSchema = z.object({
  rollbackId: z.uuid(),
  compact: z.string(),
  jurisdiction: z.string(),
  target: z
    .object({ kind: z.enum(['upload', 'rollback']), id: z.uuid() })
    .describe('What is taken back'),
  dryRun: z.boolean(),
  reason: z.string().nullable(),
  state: z.enum(rollbackStates),
  failureCode: z.string().nullable(),
  counts: z
    .object({
      restored: count.describe('Licenses that get their former content back'),
      removed: count.describe('Licenses that were created, and go'),
      recreated: count.describe('Licenses that were removed, and come back'),
      kept: count.describe('Licenses that stay as they are; each says why'),
    })
    .describe('Of the plan; of an applied rollback what was done'),
  planHash: z.string().nullable().describe("The approval's subject hash"),
  approvalId: z.uuid().nullable(),
  requestedBy: z.string(),
  createdAt: time,
  plannedAt: time.nullable(),
  finishedAt: time.nullable(),
})
type RollbackView = z.output<typeof rollbackSchema>

/** What becomes of one license. */
export const rollbackItemSchema = z.object({
  providerId: z.uuid(),
  licenseType: z.string(),
  action: z.enum(rollbackActions),
  reason: z.enum(keepReasons).nullable().describe('Why it is kept'),
  outcome: z.enum(['done', 'kept']).nullable().describe('Of a rollback that is being applied'),
})

/** One that waits for approvers. */
export const rollbackExample: RollbackView = {
  rollbackId: '0195f0c1-3d2e-7a4b-9c5d-6e7f8a9b0c1d',
  compact: 'aslp',
  jurisdiction: 'oh',
  target: { kind: 'upload', id: '0190b3a2-5c1e-7c4a-9d3e-2f6b8a1c4d5e' },
  dryRun: false,
  reason: 'Wrong export',
  state: 'awaiting-approval',
  failureCode: null,
  counts: { restored: 880, removed: 120, recreated: 0, kept: 3 },
  planHash: '9f2c4e8a51d07b36c8e1f5a2947d60b3e85c1a7f42d9603b8c5e17fa2d4069be',
  approvalId: '0195f0c1-4e5f-7b6a-8d7c-9e0f1a2b3c4d',
  requestedBy: 'board-oh',
  createdAt: '2026-03-04T12:00:00.000Z',
  plannedAt: '2026-03-04T12:00:01.000Z',
  finishedAt: null,
}

export const rollbackItemExample: z.output<typeof rollbackItemSchema> = {
  providerId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  licenseType: 'audiologist',
  action: 'restore',
  reason: null,
  outcome: null,
}

/** Lists the fields of a rollback that leave. */
export function presentRollback(rollback: Rollback): RollbackView {
  const { id, compact, jurisdiction, target, dryRun, state, counts, requestedBy } = rollback
  return {
    rollbackId: id,
    compact,
    jurisdiction,
    target,
    dryRun,
    reason: rollback.reason ?? null,
    state,
    failureCode: rollback.failureCode ?? null,
    counts,
    planHash: rollback.planHash ?? null,
    approvalId: rollback.approvalId ?? null,
    requestedBy,
    createdAt: rollback.createdAt.toISOString(),
    plannedAt: rollback.plannedAt?.toISOString() ?? null,
    finishedAt: rollback.finishedAt?.toISOString() ?? null,
  }
}

/** Lists the fields of a planned license that leave. */
export function presentRollbackItem(item: RollbackItem): z.output<typeof rollbackItemSchema> {
  const { providerId, licenseType, action, reason, outcome } = item
  return { providerId, licenseType, action, reason, outcome: action === 'keep' ? null : outcome }
}
