import { ActivityFailure, proxyActivities } from '@temporalio/workflow'
import type { LicenseRollbackActivities } from '../activities/license-rollback.ts'
import type { RollbackState } from '../core/license/rollback.ts'
import { licenseWork } from './activity-options.ts'
import { showDetails } from './details.ts'
import { codeOf } from './failure-code.ts'

export type LicenseRollbackInput = { readonly rollbackId: string }

const { planRollback } = proxyActivities<Pick<LicenseRollbackActivities, 'planRollback'>>({
  ...licenseWork,
  summary: 'Work out what becomes of each license',
})
const { failRollback } = proxyActivities<Pick<LicenseRollbackActivities, 'failRollback'>>({
  ...licenseWork,
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
    await failRollback({ rollbackId, code: codeOf(error) })
    showDetails('failed', {})
    return { state: 'failed' }
  }
}
