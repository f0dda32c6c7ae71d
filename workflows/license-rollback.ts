import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
} from '@temporalio/workflow'
import type { LicenseRollbackActivities } from '../activities/license-rollback.ts'
import type { RollbackState } from '../core/license/rollback.ts'
import { showDetails } from './details.ts'

export type LicenseRollbackInput = { readonly rollbackId: string }

const options = {
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '12 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500 milliseconds',
    backoffCoefficient: 2,
    maximumInterval: '10 seconds',
  },
} as const

const { planRollback } = proxyActivities<Pick<LicenseRollbackActivities, 'planRollback'>>({
  ...options,
  summary: 'Work out what becomes of each license',
})
const { failRollback } = proxyActivities<Pick<LicenseRollbackActivities, 'failRollback'>>({
  ...options,
  summary: 'Note that it cannot be planned',
})

/** Plans a rollback and opens its approval, whose run applies it. */
export async function licenseRollback(
  input: LicenseRollbackInput,
): Promise<{ readonly state: RollbackState }> {
  const { rollbackId } = input
  try {
    const { state } = await planRollback({ rollbackId })
    showDetails(state, {})
    return { state }
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error
    const type = error.cause instanceof ApplicationFailure ? error.cause.type : undefined
    await failRollback({ rollbackId, code: type ?? 'unexpected' })
    showDetails('failed', {})
    return { state: 'failed' }
  }
}
