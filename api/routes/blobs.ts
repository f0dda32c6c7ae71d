import type { FormClaims, LocalBlobStore, StagedBlob } from '../../connectors/blob/blob-store.ts'
import { AppError } from '../../core/errors.ts'
import { createIngestStart } from '../../core/license/workflow.ts'
import { withTransaction } from '../../db/client.ts'
import { uploadIdOf } from '../../db/upload-housekeeping.ts'
import { receiveFile } from '../../db/upload-receipt.ts'
import { findUpload } from '../../db/uploads.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { openUploadForm, type OpenedForm } from '../multipart-upload.ts'

const SUCCESS_STATUSES = ['200', '201', '204']

/** `POST /v1/blobs`: takes the file of a form of ours, with the contract of S3's POST Object. */
export const postBlob = defineRoute(
  {
    method: 'POST',
    path: '/v1/blobs',
    operationId: 'uploadFile',
    summary: 'Takes the file of an upload form',
    description:
      'Where the forms of `bulk-upload` point unless files are kept in S3. Send the `fields` of the ' +
      'form unchanged, then `Content-Type`, then `file`. The form is the authorization, once.',
    tags: ['uploads'],
    auth: 'public',
    body: {
      kind: 'stream',
      contentTypes: ['multipart/form-data'],
      description: 'The fields of the form, then `Content-Type`, then `file`',
    },
    responses: {
      200: { description: 'The same, asked for by `success_action_status`' },
      201: { description: 'The same, asked for by `success_action_status`' },
      204: { description: 'The file is there and its ingest starts' },
    },
    errors: {
      400: 'The form is malformed, or its file empty',
      403: 'A field was altered or added, or the form has expired',
      404: 'Files are kept elsewhere',
      409: 'The form was used before, or is being used',
      413: 'The file is larger than the form allows',
      415: 'The field `Content-Type` is not the one that the form allows',
    },
  },
  async ({ stream, requestId, traceparent }, context) => {
    const { blobs } = context
    if (blobs.kind !== 'file') {
      throw new AppError('not_found', 'Cannot take files here: they are kept elsewhere', {
        status: 404,
      })
    }
    const form = await openUploadForm(stream)
    try {
      await takeFile(form, { ...context, blobs, requestId, traceparent })
    } finally {
      form.close()
    }
    const wanted = form.fields.get('success_action_status') ?? ''
    return { status: SUCCESS_STATUSES.includes(wanted) ? Number(wanted) : 204 }
  },
)

type Taking = ApiContext & {
  readonly blobs: LocalBlobStore
  readonly requestId: string
  readonly traceparent: string | undefined
}

async function takeFile(form: OpenedForm, taking: Taking): Promise<void> {
  const { blobs, clock } = taking
  const claims = blobs.openForm(form.fields, clock())
  if (form.fields.get('content-type') !== claims.contentType) throwWrongType(claims.contentType)
  await assertUnused(taking, claims)
  const staged = await stage(form, claims, blobs)
  try {
    await form.finished
    if (staged.sizeBytes === 0) throwEmpty()
    await book(staged, claims, taking)
  } catch (error) {
    await staged.discard()
    throw error
  }
}

// Refuses before the file is read what would be refused after it.
async function assertUnused({ db }: Taking, claims: FormClaims): Promise<void> {
  const upload = await findUpload(db, uploadIdOf(claims.key))
  if (upload?.state !== 'awaiting-file') throwUsed()
}

async function stage(
  form: OpenedForm,
  claims: FormClaims,
  blobs: LocalBlobStore,
): Promise<StagedBlob> {
  try {
    return await blobs.stage(claims.key, form.file, claims.maxBytes)
  } catch (error) {
    throw error instanceof AppError ? error : (form.fault() ?? error)
  }
}

async function book(staged: StagedBlob, claims: FormClaims, taking: Taking): Promise<void> {
  const { db, requestId, traceparent } = taking
  const { sizeBytes, sha256 } = staged
  const { queued, start } = await withTransaction(db, async (tx) => {
    const uploadId = uploadIdOf(claims.key)
    const file = { uploadId, blobKey: claims.key, sizeBytes, sha256, cause: { requestId } }
    const upload = (await receiveFile(tx, file)) ?? throwUsed()
    const start = createIngestStart(upload, traceparent)
    const queued = await enqueueStart(tx, start)
    await staged.keep()
    return { queued, start }
  })
  // Not awaited: the relay takes what Temporal does not.
  void taking.handOver(queued, start)
}

function throwWrongType(contentType: string): never {
  throw new AppError(
    'wrong_content_type',
    `Cannot take the upload: send the field "Content-Type" with "${contentType}" before the file`,
    { status: 415 },
  )
}

function throwUsed(): never {
  throw new AppError('form_used', 'Cannot take the upload: the form was used before or has ended', {
    status: 409,
  })
}

function throwEmpty(): never {
  throw new AppError('empty_upload', 'Cannot take the upload: the file is empty', { status: 400 })
}
