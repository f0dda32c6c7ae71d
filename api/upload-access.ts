import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { UploadProgress } from '../db/upload-progress.ts'
import { findRosterUpload, type RosterUploadRun } from '../db/roster/uploads.ts'
import type { ApiContext } from './context.ts'
import { maySeeUpload } from './policies/upload.ts'
import type { Principal } from './principal.ts'

export const uploadParams = z.object({ uploadId: z.uuid().describe('Id of the upload') })

/** Who may, for the documentation. */
export const uploadAccess =
  'Needs `{compact}/{jurisdiction}.write` of the upload; to others it does not exist.'
export const rosterUploadAccess =
  'Of the kind `oneroster-csv`: `roster:sync`, or to read `roster:read`, of its tenant.'

/** The upload and its progress; throws `not_found` (404) also where the caller may not see it. */
export async function getVisibleUpload(
  { findUpload }: Pick<ApiContext, 'findUpload'>,
  principal: Principal,
  uploadId: string,
): Promise<UploadProgress> {
  const progress = await findUpload(uploadId)
  if (progress && maySeeUpload(principal, progress.upload)) return progress
  throw new AppError('not_found', `Cannot find upload "${uploadId}"`, { status: 404 })
}

/**
 * The roster's upload and its run, where the caller's scopes hold one of these in its tenant; undefined
 * where there is none, or it is not the caller's to see.
 */
export async function findVisibleRosterUpload(
  { db }: Pick<ApiContext, 'db'>,
  { tenant, scopes }: Principal,
  { uploadId, anyScope }: { readonly uploadId: string; readonly anyScope: readonly string[] },
): Promise<RosterUploadRun | undefined> {
  if (tenant === undefined || !anyScope.some((scope) => scopes.has(scope))) return undefined
  const found = await findRosterUpload(db, uploadId)
  return found?.upload.tenant === tenant ? found : undefined
}
