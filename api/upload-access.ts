import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { UploadProgress } from '../db/upload-progress.ts'
import type { ApiContext } from './context.ts'
import { maySeeUpload } from './policies/upload.ts'
import type { Principal } from './principal.ts'

export const uploadParams = z.object({ uploadId: z.uuid().describe('Id of the upload') })

/** Who may, for the documentation. */
export const uploadAccess =
  'Needs `{compact}/{jurisdiction}.write` of the upload; to others it does not exist.'

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
