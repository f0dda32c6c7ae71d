import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { createIngestCancel } from '../../core/license/workflow.ts'
import { withTransaction } from '../../db/client.ts'
import { cancelUpload } from '../../db/upload-cancel.ts'
import { addProgress } from '../../db/roster/history.ts'
import type { RosterUploadRun } from '../../db/roster/uploads.ts'
import { listUploadProgress, type UploadProgress } from '../../db/upload-progress.ts'
import { hasEnded } from '../../db/uploads.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import type { ApiContext } from '../context.ts'
import { createEtag, isCurrent } from '../etag.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { pageOf, pageQuery, replyWithPage } from '../page.ts'
import { listUploadPlaces } from '../policies/upload.ts'
import { uploadExample } from '../presenters/upload-example.ts'
import { presentUpload, progressNumber, uploadSchema } from '../presenters/upload.ts'
import { presentRosterUpload, rosterUploadSchema } from '../presenters/roster-upload.ts'
import type { Principal } from '../principal.ts'
import { stopRun } from '../roster-stop.ts'
import {
  findVisibleRosterUpload,
  getVisibleUpload,
  rosterUploadAccess,
  uploadAccess,
  uploadParams,
} from '../upload-access.ts'

const RETRY_AFTER_SECONDS = 1
const LIST = 'uploads'
const positionSchema = z.object({ createdAt: z.string(), id: z.string() })
const anyUploadSchema = z.union([uploadSchema, rosterUploadSchema])

/** `GET /v1/uploads`: the uploads of the jurisdictions that the token may write for. */
export const listUploads = defineRoute(
  {
    method: 'GET',
    path: '/v1/uploads',
    operationId: 'listUploads',
    summary: 'Lists uploads, newest first',
    description: `Of every jurisdiction for which the token has \`{compact}/{jurisdiction}.write\`.`,
    tags: ['uploads'],
    auth: 'token',
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of uploads',
        schema: pageOf(uploadSchema),
        example: { items: [uploadExample], next: null },
        headers: { Link: 'The next page, `rel="next"`, where there is one' },
      },
    },
  },
  async ({ principal, query, url }, { db, cursors, clock }) => {
    const { limit, cursor } = query
    const after =
      cursor === undefined ? undefined : positionSchema.parse(cursors.open(LIST, cursor))
    const uploads = await listUploadProgress(db, {
      places: listUploadPlaces(principal),
      tenant: principal.tenant,
      after,
      limit: limit + 1,
    })
    const page = uploads.slice(0, limit)
    const last = uploads.length > limit ? page.at(-1)?.upload : undefined
    const next = last && cursors.sign(LIST, { createdAt: last.createdAt, id: last.id })
    return replyWithPage(url, { items: page.map((item) => presentUpload(item, clock())), next })
  },
)

/** `GET /v1/uploads/{uploadId}`: state, progress and counts; `Retry-After` while it is open. */
export const getUpload = defineRoute(
  {
    method: 'GET',
    path: '/v1/uploads/{uploadId}',
    operationId: 'getUpload',
    summary: 'Reads the state and the progress of an upload',
    description: `${uploadAccess} ${rosterUploadAccess}`,
    tags: ['uploads'],
    auth: 'token',
    params: uploadParams,
    responses: {
      200: {
        description: 'The upload',
        schema: anyUploadSchema,
        example: uploadExample,
        headers: {
          ETag: 'Changes with the upload',
          'Retry-After': 'Seconds until a further look pays, while the upload is open',
        },
      },
      304: { description: 'Nothing has changed since the `ETag` in `If-None-Match`' },
    },
    errors: { 404: 'There is no such upload, or the token may not see it' },
  },
  async ({ principal, params, headers }, context) => {
    const roster = await findVisibleRosterUpload(context, principal, {
      ...params,
      anyScope: ['roster:read', 'roster:sync'],
    })
    if (roster) return await replyWithRosterUpload(200, roster, context)
    const progress = await getVisibleUpload(context, principal, params.uploadId)
    const etag = createEtag(progressNumber(progress))
    if (isCurrent(headers['if-none-match'], etag)) return { status: 304, headers: { ETag: etag } }
    return {
      status: 200,
      headers: listHeaders(progress),
      body: presentUpload(progress, context.clock()),
    }
  },
)

/** `DELETE /v1/uploads/{uploadId}`: cancels it; chunks that are committed stay and are counted. */
export const deleteUpload = defineRoute(
  {
    method: 'DELETE',
    path: '/v1/uploads/{uploadId}',
    operationId: 'cancelUpload',
    summary: 'Cancels an upload',
    description:
      `Rows that are written already stay and are counted; the run of a roster is stopped. ` +
      `${uploadAccess} ${rosterUploadAccess}`,
    tags: ['uploads'],
    auth: 'token',
    params: uploadParams,
    responses: {
      202: {
        description: 'It ends, or has ended; its state tells when',
        schema: anyUploadSchema,
        example: { ...uploadExample, cancelRequested: true },
        headers: { Location: 'The upload' },
      },
    },
    errors: {
      404: 'There is no such upload, or the token may not see it',
      409: 'The upload has ended, or waits for a decision',
    },
  },
  async ({ principal, params, requestId, traceparent }, context): Promise<Reply> => {
    const { db, clock } = context
    const roster = await findVisibleRosterUpload(context, principal, {
      ...params,
      anyScope: ['roster:sync'],
    })
    if (roster) return await stopRosterUpload(roster, { ...context, principal, requestId })
    const { upload } = await getVisibleUpload(context, principal, params.uploadId)
    const start = createIngestCancel({ ...upload, requestId }, traceparent)
    const queued = await withTransaction(db, async (tx) => {
      const cancellation = { uploadId: upload.id, actor: principal.subject, requestId }
      const outcome = await cancelUpload(tx, cancellation)
      if (outcome === 'ended') throwEnded(upload.id)
      return outcome === 'requested' ? await enqueueStart(tx, start) : undefined
    })
    // Not awaited: the relay takes what Temporal does not.
    if (queued !== undefined) void context.handOver(queued, start)
    const progress = await getVisibleUpload(context, principal, upload.id)
    return { status: 202, headers: listHeaders(progress), body: presentUpload(progress, clock()) }
  },
)

async function replyWithRosterUpload(
  status: 200 | 202,
  { upload, run }: RosterUploadRun,
  { db, clock }: Pick<ApiContext, 'db' | 'clock'>,
): Promise<Reply> {
  const [standing] = await addProgress(db, [run])
  const body = presentRosterUpload({ upload, run }, standing && { ...standing, now: clock() })
  const headers = run.endedAt ? {} : { 'Retry-After': String(RETRY_AFTER_SECONDS) }
  return { status, headers: { Location: body.links.self, ...headers }, body }
}

async function stopRosterUpload(
  { upload, run }: RosterUploadRun,
  context: ApiContext & { readonly principal: Principal; readonly requestId: string },
): Promise<Reply> {
  const { principal, requestId, clock } = context
  const { subject } = principal
  if (!(await stopRun(context, run, { subject, requestId }))) throwEnded(upload.id)
  const asked = { ...run, stopRequestedAt: clock() }
  return await replyWithRosterUpload(202, { upload, run: asked }, context)
}

function listHeaders(progress: UploadProgress): Record<string, string> {
  const { upload } = progress
  return {
    ETag: createEtag(progressNumber(progress)),
    Location: `/v1/uploads/${upload.id}`,
    ...(hasEnded(upload) ? {} : { 'Retry-After': String(RETRY_AFTER_SECONDS) }),
  }
}

function throwEnded(uploadId: string): never {
  throw new AppError(
    'upload_ended',
    `Cannot cancel upload "${uploadId}": nothing of it is under way`,
    {
      status: 409,
    },
  )
}
