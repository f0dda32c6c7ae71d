import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { createIngestStart } from '../../core/license/workflow.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import { withTransaction } from '../../db/client.ts'
import { formKey } from '../../db/upload-housekeeping.ts'
import { createUpload, payloadContext, receiveRecords } from '../../db/upload-receipt.ts'
import type { NewUpload } from '../../db/upload-receipt.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { parseLicenseRecords } from '../license-records.ts'
import { getWritableCompact } from '../policies/upload.ts'
import { formExample, recordExample } from '../presenters/license-example.ts'
import type { Principal } from '../principal.ts'

const CSV = 'text/csv'

const placeParams = z.object({
  compact: z.string().describe('Abbreviation of the compact, such as `aslp`'),
  jurisdiction: z.string().describe('Code of a member jurisdiction, such as `al`'),
})

type PlaceParams = z.output<typeof placeParams>

const shared = {
  tags: ['licenses'],
  auth: 'token',
  params: placeParams,
} as const

/** `GET …/licenses/bulk-upload`: a form for one CSV file. */
export const getBulkUploadForm = defineRoute(
  {
    ...shared,
    method: 'GET',
    path: '/v1/compacts/{compact}/jurisdictions/{jurisdiction}/licenses/bulk-upload',
    operationId: 'getBulkUploadForm',
    summary: 'Gets a form for one CSV file of licenses',
    description:
      'A presigned POST form: send its `fields`, then `Content-Type: text/csv`, then `file`, as ' +
      '`multipart/form-data`. It takes one file, once, until it expires; the ingest then starts by ' +
      'itself. Needs `{compact}/{jurisdiction}.write`.',
    responses: {
      200: {
        description: 'The form',
        schema: z.object({
          upload: z.object({ url: z.string(), fields: z.record(z.string(), z.string()) }),
          uploadId: z.uuid(),
          expiresAt: z.iso.datetime(),
        }),
        example: formExample,
      },
    },
    errors: {
      403: 'The token may not write for the jurisdiction',
      404: 'There is no such compact, or the jurisdiction is no member of it',
    },
  },
  async ({ principal, params, requestId, traceparent, origin }, context) => {
    getWritableCompact(principal, params, context.config.compacts)
    const { maxBytes, formTtlSeconds } = context.config.uploads
    const upload = createNewUpload('license', { principal, params, requestId })
    const expiresAt = new Date(context.clock().getTime() + formTtlSeconds * 1000)
    const key = formKey(upload.id)
    const request = { key, contentType: CSV, maxBytes, expiresAt, origin }
    const form = await context.blobs.createForm(request)
    await openUpload({ ...upload, blobKey: key, expiresAt }, { ...context, traceparent })
    return {
      status: 200,
      body: { upload: form, uploadId: upload.id, expiresAt: expiresAt.toISOString() },
    }
  },
)

/** `POST …/licenses`: up to 100 records, all or none. */
export const postLicenses = defineRoute(
  {
    ...shared,
    method: 'POST',
    path: '/v1/compacts/{compact}/jurisdictions/{jurisdiction}/licenses',
    operationId: 'postLicenses',
    summary: 'Sends up to 100 licenses',
    description:
      'All or none: any invalid record refuses them all, and every fault is named by the index of ' +
      'its record. What was taken is ingested like a file. Needs `{compact}/{jurisdiction}.write`.',
    idempotent: true,
    body: {
      kind: 'json',
      schema: z
        .unknown()
        .meta({ type: 'array', minItems: 1, maxItems: 100, items: { type: 'object' } }),
      example: [recordExample],
    },
    responses: {
      202: {
        description: 'The records are taken; their upload tells what becomes of them',
        schema: z.object({ message: z.literal('OK'), uploadId: z.uuid(), statusUrl: z.string() }),
        example: {
          message: 'OK',
          uploadId: formExample.uploadId,
          statusUrl: `/v1/uploads/${formExample.uploadId}`,
        },
        headers: { Location: 'The upload' },
      },
    },
    errors: {
      400: 'No records, or invalid ones: `errors` is `{index: {field: [message]}}`',
      403: 'The token may not write for the jurisdiction',
      404: 'There is no such compact, or the jurisdiction is no member of it',
      413: 'More than 100 records',
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const compact = getWritableCompact(principal, params, context.config.compacts)
    const records = parseLicenseRecords(body, { compact, jurisdiction: params.jurisdiction })
    const upload = createNewUpload('license-post', { principal, params, requestId })
    const document = Buffer.from(JSON.stringify(records))
    const ciphertext = context.cipher.encrypt(document, payloadContext(upload.id))
    const start = createIngestStart(upload, traceparent)
    const { queued, reply } = await withTransaction(context.db, async (tx) => {
      const id = await enqueueStart(tx, start)
      await receiveRecords(tx, { ...upload, ciphertext, sizeBytes: document.length })
      return { queued: id, reply: await settle(tx, createAcceptance(upload.id)) }
    })
    // Not awaited: the relay takes what Temporal does not.
    void context.handOver(queued, start)
    return reply
  },
)

type UploadSource = {
  readonly principal: Principal
  readonly params: PlaceParams
  readonly requestId: string
}

function createNewUpload(kind: NewUpload['kind'], source: UploadSource): NewUpload {
  const { principal, params, requestId } = source
  return {
    id: randomUUID(),
    kind,
    compact: params.compact,
    jurisdiction: params.jurisdiction,
    tenant: principal.tenant,
    createdBy: principal.subject,
    requestId,
  }
}

async function openUpload(
  upload: Parameters<typeof createUpload>[1],
  { db, blobs, handOver, traceparent }: ApiContext & Pick<WorkflowStart, 'traceparent'>,
): Promise<void> {
  // The API hears of a local file itself; on S3 the upload's own run looks for it.
  if (blobs.kind === 'file') {
    await createUpload(db, upload)
    return
  }
  const start = createIngestStart(upload, traceparent)
  const queued = await withTransaction(db, async (tx) => {
    await createUpload(tx, upload)
    return await enqueueStart(tx, start)
  })
  void handOver(queued, start)
}

function createAcceptance(uploadId: string): Reply {
  const statusUrl = `/v1/uploads/${uploadId}`
  return {
    status: 202,
    headers: { Location: statusUrl },
    body: { message: 'OK', uploadId, statusUrl },
  }
}
