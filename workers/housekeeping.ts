import type { Logger } from '../config/log.ts'
import type { BlobStore } from '../connectors/blob/blob-store.ts'
import { deleteOldDigests, gatherDigests } from '../db/approval/digests.ts'
import { wakeOverdueApprovals } from '../db/approval/overdue.ts'
import { withTransaction, type Database } from '../db/client.ts'
import { deleteRelayedEvents } from '../db/events.ts'
import { deleteOldIdempotencyKeys } from '../db/idempotency-keys.ts'
import { deleteOldPlans } from '../db/license/rollbacks.ts'
import { endUpload } from '../db/upload-closing.ts'
import { deleteOldFailures } from '../db/user/authentication-failures.ts'
import { purgeDeletedProfiles } from '../db/profile/vault.ts'
import { forgetRosterDrifts } from '../db/roster/reconcile-states.ts'
import { forgetRosterChanges, sweepRosterStaging, wakeStrandedRuns } from '../db/roster/stranded.ts'
import {
  listLeftRosterUploads,
  markRosterUploadRemoved,
  rosterUploadKey,
} from '../db/roster/uploads.ts'
import { forgetMessages } from '../db/roster/webhooks.ts'
import { purgeSourceRuns } from '../db/source/runs.ts'
import {
  forgetRows,
  formKey,
  listExpiredForms,
  listLeftFiles,
  markFileRemoved,
} from '../db/upload-housekeeping.ts'
import { listOverdueEndpoints, queueWake } from '../db/webhook/endpoints.ts'
import { deleteSettledDeliveries } from '../db/webhook/housekeeping.ts'
import { startLoop, type Loop } from './loop.ts'

export type HousekeepingDeps = {
  readonly db: Database
  readonly blobs: BlobStore
  readonly log: Logger
}

const INTERVAL_MS = 60_000
const BATCH_SIZE = 100
const DELETE_BATCH_SIZE = 5_000
const ROW_RETENTION_DAYS = 90
const DELETED_RETENTION_DAYS = 30
const SOURCE_RUN_RETENTION_DAYS = 90
const ROSTER_RUN_RETENTION_DAYS = 90
// A source may want to be left alone for minutes.
const ROSTER_PATIENCE_MS = 900_000
// Longer than senders try again.
const WEBHOOK_MEMORY_DAYS = 14
const FAILURE_RETENTION_DAYS = 1
const DIGEST_RETENTION_DAYS = 90
const PLAN_RETENTION_DAYS = 7
const NOTICES_AT_ONCE = 1_000
// An effect may take its time: its run is not to be woken while it does its work.
const RUN_PATIENCE_SECONDS = 300
// A caller that stands still for half a minute is cut off.
const UNFINISHED_MS = 600_000
const DELIVERY_RETENTION_DAYS = 30
// A sender that was called looks within seconds.
const OVERDUE_MS = 90_000
const MS_PER_DAY = 86_400_000

/**
 * Tidies once a minute: what has expired, was left behind or is past its retention, and calls
 * senders that missed their call.
 */
export function startHousekeeping(deps: HousekeepingDeps): Loop {
  return startLoop({
    task: 'tidy up',
    log: deps.log,
    intervalMs: INTERVAL_MS,
    async step() {
      await tidyUp(deps, new Date())
      return false
    },
  })
}

/** One round of housekeeping as of `now`; safe beside others. */
export async function tidyUp(deps: HousekeepingDeps, now: Date): Promise<void> {
  await deleteOldIdempotencyKeys(deps.db)
  await deleteOldFailures(deps.db, new Date(now.getTime() - FAILURE_RETENTION_DAYS * MS_PER_DAY))
  await endExpiredForms(deps, now)
  await removeLeftFiles(deps, now)
  await deps.blobs.removeUnfinished(new Date(now.getTime() - UNFINISHED_MS))
  await forgetOldRows(deps, now)
  await purgeDeletedProfiles(deps.db, {
    deletedBefore: new Date(now.getTime() - DELETED_RETENTION_DAYS * MS_PER_DAY),
    limit: BATCH_SIZE,
  })
  await purgeSourceRuns(deps.db, {
    endedBefore: new Date(now.getTime() - SOURCE_RUN_RETENTION_DAYS * MS_PER_DAY),
    limit: BATCH_SIZE,
  })
  await tidyUpRosters(deps, now)
  await forgetMessages(deps.db, new Date(now.getTime() - WEBHOOK_MEMORY_DAYS * MS_PER_DAY))
  await forgetOldDeliveries(deps, now)
  await wakeOverdueEndpoints(deps, now)
  await deleteOldPlans(deps.db, {
    before: new Date(now.getTime() - PLAN_RETENTION_DAYS * MS_PER_DAY),
    limit: BATCH_SIZE,
  })
  await tidyUpApprovals(deps, now)
}

async function tidyUpRosters({ db, blobs }: HousekeepingDeps, now: Date): Promise<void> {
  for (const id of await listLeftRosterUploads(db, BATCH_SIZE)) {
    await blobs.remove(rosterUploadKey(id))
    await markRosterUploadRemoved(db, id)
  }
  const seenBefore = new Date(now.getTime() - ROSTER_PATIENCE_MS)
  await wakeStrandedRuns(db, { seenBefore, limit: BATCH_SIZE })
  await sweepRosterStaging(db)
  const old = {
    endedBefore: new Date(now.getTime() - ROSTER_RUN_RETENTION_DAYS * MS_PER_DAY),
    limit: BATCH_SIZE,
  }
  await forgetRosterChanges(db, old)
  await forgetRosterDrifts(db, old)
}

async function forgetOldDeliveries({ db }: HousekeepingDeps, now: Date): Promise<void> {
  const before = new Date(now.getTime() - DELIVERY_RETENTION_DAYS * MS_PER_DAY)
  await deleteRelayedEvents(db, before)
  const old = { settledBefore: before, limit: DELETE_BATCH_SIZE }
  while ((await deleteSettledDeliveries(db, old)) === DELETE_BATCH_SIZE);
}

// A run that an operator has terminated, or that was lost with its server, comes back so.
async function wakeOverdueEndpoints({ db }: HousekeepingDeps, now: Date): Promise<void> {
  const dueBefore = new Date(now.getTime() - OVERDUE_MS)
  const endpoints = await listOverdueEndpoints(db, { dueBefore, limit: BATCH_SIZE })
  await withTransaction(db, async (tx) => {
    for (const id of endpoints) await queueWake(tx, id, 'housekeeping')
  })
}

// Whose turn it has become is told, and runs that were lost are woken.
async function tidyUpApprovals({ db }: HousekeepingDeps, now: Date): Promise<void> {
  while ((await gatherDigests(db, NOTICES_AT_ONCE)) === NOTICES_AT_ONCE);
  await deleteOldDigests(db, new Date(now.getTime() - DIGEST_RETENTION_DAYS * MS_PER_DAY))
  const overdue = { patienceSeconds: RUN_PATIENCE_SECONDS, limit: BATCH_SIZE }
  await wakeOverdueApprovals(db, overdue)
}

async function endExpiredForms({ db }: HousekeepingDeps, now: Date): Promise<void> {
  for (const uploadId of await listExpiredForms(db, { now, limit: BATCH_SIZE })) {
    const closing = { uploadId, state: 'failed', failureCode: 'form_expired' } as const
    await withTransaction(db, async (tx) => await endUpload(tx, { ...closing, onlyWaiting: true }))
  }
}

async function removeLeftFiles({ db, blobs }: HousekeepingDeps, now: Date): Promise<void> {
  // A bucket takes files until the form expires, a local form is shut by the upload's end.
  const forms = blobs.kind === 'file' ? 'shut' : 'open'
  for (const uploadId of await listLeftFiles(db, { now, limit: BATCH_SIZE, forms })) {
    await blobs.remove(formKey(uploadId))
    await markFileRemoved(db, uploadId, 'shut')
  }
}

async function forgetOldRows({ db }: HousekeepingDeps, now: Date): Promise<void> {
  const endedBefore = new Date(now.getTime() - ROW_RETENTION_DAYS * MS_PER_DAY)
  let forgotten: string | undefined
  do forgotten = await forgetRows(db, endedBefore)
  while (forgotten !== undefined)
}
