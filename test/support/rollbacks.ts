import { randomUUID } from 'node:crypto'
import { createApprovalActivities } from '../../activities/approval.ts'
import { withFailures } from '../../activities/failures.ts'
import { createRollbackEffect } from '../../activities/license/rollback-effect.ts'
import { createLicenseRollbackActivities } from '../../activities/license-rollback.ts'
import { startRollback } from '../../api/rollback-start.ts'
import { defaultCompacts } from '../../core/license/compacts.ts'
import { licenseFieldNames } from '../../core/license/fields.ts'
import {
  isOpenRollback,
  rollbackApprovalType,
  type RollbackTarget,
} from '../../core/license/rollback.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { Database } from '../../db/client.ts'
import { loadHashKey } from '../../db/data-keys.ts'
import { boardColumns } from '../../db/license/columns.ts'
import { findRollback, type Rollback } from '../../db/license/rollbacks.ts'
import { recordVote } from '../../db/approval/votes.ts'
import { waitUntil } from './polling.ts'
import { fullRow } from './license-rows.ts'

export type Row = Readonly<Partial<Record<keyof typeof fullRow, string>>>

export const approver = 'rita'

/** The activities that plan, decide and apply rollbacks on a test database. */
export async function createRollbackActivities(
  db: Database,
  ring: KeyRing,
  options: { readonly pageSize?: number } = {},
): Promise<object> {
  const hashKey = await loadHashKey(db, ring)
  const effect = createRollbackEffect({ db, compacts: defaultCompacts, ...options })
  return withFailures(
    {
      ...createLicenseRollbackActivities({ db, hashKey }),
      ...createApprovalActivities({ db, effects: new Map([[rollbackApprovalType, effect]]) }),
    },
    (error) => process.stderr.write(`Unexpected failure: ${String(error)}\n`),
  )
}

/** A board's file of these rows, each like `fullRow` but for what it says; '' leaves a field out. */
export function writeRows(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const values: Readonly<Record<string, string>> = { ...fullRow, ...row }
    return licenseFieldNames.map((name) => `"${values[name] ?? ''}"`).join(',')
  })
  return [licenseFieldNames.join(','), ...lines, ''].join('\r\n')
}

/** Asks for a rollback as the route does; a relay starts its run. */
export async function requestRollback(
  db: Database,
  target: RollbackTarget,
  change: { readonly dryRun?: boolean; readonly jurisdiction?: string } = {},
): Promise<string> {
  const rollback = await startRollback(
    { db, handOver: async () => await Promise.resolve() },
    {
      compact: 'aslp',
      jurisdiction: 'oh',
      tenant: undefined,
      target,
      dryRun: false,
      reason: undefined,
      requestedBy: 'board-clerk',
      requestId: `request-${randomUUID()}`,
      traceparent: undefined,
      ...change,
    },
  )
  return rollback.id
}

/** Waits until a rollback is in one of these states; in any that is no work of its own unless said. */
export async function waitForRollback(
  db: Database,
  rollbackId: string,
  ...states: readonly string[]
): Promise<Rollback> {
  let found: Rollback | undefined
  await waitUntil(`the rollback is ${states.join(' or ') || 'decided on'}`, async () => {
    // Nobody hands over directly here: the relay is not to wait for that.
    await db.query('update workflow_starts set next_attempt_at = now() where attempts = 0')
    found = await findRollback(db, rollbackId)
    if (!found) return false
    if (states.length > 0) return states.includes(found.state)
    return found.state === 'awaiting-approval' || !isOpenRollback(found.state)
  })
  if (!found) throw new Error(`Cannot find rollback "${rollbackId}"`)
  return found
}

/** Writes down an approver's vote on a rollback; its run judges it by a signal of the test's. */
export async function recordRollbackVote(
  db: Database,
  { approvalId = '', planHash = '' }: Rollback,
  verdict: 'approve' | 'deny' = 'approve',
): Promise<string> {
  const voteId = randomUUID()
  await recordVote(db, {
    approvalId,
    voteId,
    actor: approver,
    verdict,
    reason: 'Checked',
    subjectHash: planHash,
    claims: { scopes: [] },
    via: 'api',
    requestId: `request-${voteId}`,
  })
  return voteId
}

/** All that licenses, summaries and privileges say, save when they were last written. */
export async function readLicenseState(db: Database): Promise<object> {
  const board = boardColumns.map(({ name }) => name).join(', ')
  const licenses = await db.query(
    `select provider_id, compact, jurisdiction, license_type, ${board}, family_name_key,
       given_name_key, encode(content_hash, 'hex') as content_hash, upload_id, upload_record,
       upload_sequence, encumbrance_status, investigation_status, created_at
     from licenses order by provider_id, jurisdiction, license_type`,
  )
  const providers = await db.query(
    `select provider_id, compact, license_jurisdiction, license_type, family_name_key,
       given_name_key, jurisdictions, home_jurisdiction
     from providers order by provider_id`,
  )
  const privileges = await db.query(
    `select privilege_id, license_deactivated_at is not null as deactivated
     from privileges order by privilege_id`,
  )
  return { licenses: licenses.rows, providers: providers.rows, privileges: privileges.rows }
}
