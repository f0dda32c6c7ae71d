import { z } from 'zod'
import type { UploadFaultKind } from '../../db/upload-faults.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { createNextLink, pageQuery } from '../page.ts'
import { presentRow, uploadRowExample, uploadRowSchema } from '../presenters/upload-row.ts'
import type { Principal } from '../principal.ts'
import { getVisibleUpload, uploadAccess, uploadParams } from '../upload-access.ts'
import { listSpokenRows } from '../upload-rows.ts'

const positionSchema = z.object({ record: z.int().min(0) })

const spec = {
  method: 'GET',
  tags: ['uploads'],
  auth: 'token',
  params: uploadParams,
  query: z.object(pageQuery),
  responses: {
    200: {
      description: 'A page of rows',
      schema: z.object({ errors: z.array(uploadRowSchema) }),
      example: { errors: [uploadRowExample] },
      headers: { Link: 'The next page, `rel="next"`, where there is one' },
    },
  },
  errors: { 404: 'There is no such upload, or the token may not see it' },
} as const

/** `GET /v1/uploads/{uploadId}/errors`: every refused row, duplicates included. */
export const listUploadErrors = defineRoute(
  {
    ...spec,
    path: '/v1/uploads/{uploadId}/errors',
    operationId: 'listUploadErrors',
    summary: 'Lists the refused rows of an upload',
    description: `In the order of the file, SSNs masked to their last four digits. ${uploadAccess}`,
  },
  async (request, context) =>
    await replyWithRows(request, context, { list: 'errors', kinds: ['rejected', 'duplicate'] }),
)

/** `GET /v1/uploads/{uploadId}/warnings`: rows that were taken and look odd, in the same shape. */
export const listUploadWarnings = defineRoute(
  {
    ...spec,
    path: '/v1/uploads/{uploadId}/warnings',
    operationId: 'listUploadWarnings',
    summary: 'Lists the warnings of an upload',
    description: `What looks odd and blocks nothing, as \`errors\` of each row. ${uploadAccess}`,
  },
  async (request, context) =>
    await replyWithRows(request, context, { list: 'warnings', kinds: ['warning'] }),
)

type RowsRequest = {
  readonly principal: Principal
  readonly params: z.output<typeof uploadParams>
  readonly query: { readonly limit: number; readonly cursor?: string | undefined }
  readonly url: string
}

async function replyWithRows(
  { principal, params, query, url }: RowsRequest,
  { db, findUpload, cipher, cursors }: ApiContext,
  { list, kinds }: { readonly list: string; readonly kinds: readonly UploadFaultKind[] },
): Promise<Reply> {
  const { upload } = await getVisibleUpload({ findUpload }, principal, params.uploadId)
  const scope = `upload-${list}:${upload.id}`
  const after =
    query.cursor === undefined ? 0 : positionSchema.parse(cursors.open(scope, query.cursor)).record
  const rows = await listSpokenRows(
    { db, cipher },
    { uploadId: upload.id, kinds, after, limit: query.limit + 1 },
  )
  const page = rows.slice(0, query.limit)
  const body = { errors: page.map((row) => presentRow(row, upload.columns ?? [])) }
  const last = rows.length > query.limit ? page.at(-1) : undefined
  if (!last) return { status: 200, body }
  const next = cursors.sign(scope, { record: last.record })
  return { status: 200, headers: { Link: createNextLink(url, next) }, body }
}
