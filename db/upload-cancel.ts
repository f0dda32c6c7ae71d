import type { Queryable } from './client.ts'
import { endUpload } from './upload-closing.ts'
import { hasEnded, lockUpload } from './uploads.ts'

export type Cancellation = {
  readonly uploadId: string
  readonly actor: string
  readonly requestId: string
}

/**
 * `cancelled`: nothing had begun, and it has ended at once. `requested`: its run has to be told,
 * `already-requested`: it was before. `ended`: there is nothing to cancel.
 */
export type CancelOutcome = 'cancelled' | 'requested' | 'already-requested' | 'ended'

/** Cancels an upload, or notes in the caller's transaction that its run is to end. */
export async function cancelUpload(
  tx: Queryable,
  { uploadId, actor, requestId }: Cancellation,
): Promise<CancelOutcome> {
  const upload = await lockUpload(tx, uploadId)
  if (hasEnded(upload)) return 'ended'
  if (upload.state === 'awaiting-file' || upload.state === 'received') {
    await endUpload(tx, { uploadId, state: 'cancelled', actor, cause: { requestId } })
    return 'cancelled'
  }
  if (upload.cancelRequestedAt !== undefined) return 'already-requested'
  await tx.query(
    `update uploads
     set cancel_requested_at = now(), cancel_requested_by = $2::text, version = version + 1
     where id = $1::uuid`,
    [uploadId, actor],
  )
  return 'requested'
}
