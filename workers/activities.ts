import { createApprovalActivities } from '../activities/approval.ts'
import { createLicenseRollbackActivities } from '../activities/license-rollback.ts'
import { createLicenseActivities } from '../activities/license.ts'
import { createRosterActivities } from '../activities/roster.ts'
import { createSignatureActivities } from '../activities/signature.ts'
import { createSinkReconcileActivities } from '../activities/sink-reconcile.ts'
import { createSinkSweepActivities } from '../activities/sink-sweep.ts'
import { readVersion } from '../config/version.ts'
import { listLanes, listPersonSinks } from '../core/profile/lanes.ts'
import { createSinkActivities } from '../activities/sink.ts'
import { createSourceActivities } from '../activities/source.ts'
import type { WebhookDeps } from '../activities/webhook/webhook-deps.ts'
import { createUploadActivities } from '../activities/upload.ts'
import { createWebhookActivities } from '../activities/webhook.ts'
import { withFailures } from '../activities/failures.ts'
import type { IntakeDeps } from '../db/profile/intake.ts'
import { createApprovalEffects } from './approval-effects.ts'
import type { WorkerContext } from './context.ts'
import { createRosterEnds } from './rosters.ts'
import { createWebhookDeps } from './webhook-deps.ts'
import { codeOf } from './loop.ts'

/** Every activity of the product, throwing only failures that Temporal may be told. */
export function createActivities(
  context: WorkerContext,
  onDelivery?: WebhookDeps['onDelivery'],
): object {
  const { db, sinkDb, sinks, sources, publishers, blobs, cipher, hashKey, parsers, config, log } =
    context
  const { compacts } = config
  const intake = async (): Promise<IntakeDeps> => ({
    publishers: await publishers.current(),
    lanes: listLanes(config.sinks),
    sinks: listPersonSinks(config.sinks).map(({ name }) => name),
  })
  const activities = {
    ...createApprovalActivities({ db, effects: createApprovalEffects(context) }),
    ...createUploadActivities({ db, blobs }),
    ...createSinkActivities({ db: sinkDb, sinks }),
    ...createSinkSweepActivities({ db, sinks: config.sinks }),
    ...createSinkReconcileActivities({ db, sinks, config: config.sinks }),
    ...createRosterActivities({ db, release: readVersion(), ...createRosterEnds(context) }),
    ...createSourceActivities({ db, sources, intake }),
    ...createSignatureActivities({ db, intake }),
    ...createWebhookActivities({ ...createWebhookDeps(context), onDelivery }),
    ...createLicenseRollbackActivities({ db, hashKey }),
    ...createLicenseActivities({ db, blobs, cipher, pool: parsers, compacts }),
  }
  return withFailures(activities, (error, activity) => {
    // The message may hold what a query was given; the frames tell where it happened.
    const frames = error instanceof Error ? error.stack?.split('\n    at ').slice(1) : undefined
    log.error({ activity, code: codeOf(error), frames }, 'Unexpected failure of an activity')
  })
}
