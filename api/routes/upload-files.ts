import { Readable } from 'node:stream'
import { writeLine } from '../../core/csv/write.ts'
import { appendAudit } from '../../db/audit.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { completeRows, findLineBreak } from '../presenters/row-cells.ts'
import { errorsCsvHeader, errorsCsvLine } from '../presenters/upload-row.ts'
import { getVisibleUpload, uploadAccess, uploadParams } from '../upload-access.ts'
import { streamSpokenRows, type RowSource } from '../upload-rows.ts'

const REFUSED = ['rejected', 'duplicate'] as const
const CSV = 'text/csv'

const spec = {
  method: 'GET',
  tags: ['uploads'],
  auth: 'token',
  params: uploadParams,
  responses: { 200: { description: 'The file', contentType: CSV } },
  errors: { 404: 'There is no such upload, or the token may not see it' },
} as const

/** `GET /v1/uploads/{uploadId}/errors.csv`: the refused rows for people's spreadsheets. */
export const getUploadErrorsCsv = defineRoute(
  {
    ...spec,
    path: '/v1/uploads/{uploadId}/errors.csv',
    operationId: 'getUploadErrorsCsv',
    summary: 'Reads the refused rows of an upload as CSV',
    description:
      "Columns `line,record,errors,codes`, then the upload's own; SSNs masked, cells that a " +
      `spreadsheet would take for a formula begin with \`'\`. ${uploadAccess}`,
  },
  async ({ principal, params }, { db, findUpload, cipher }) => {
    const { upload } = await getVisibleUpload({ findUpload }, principal, params.uploadId)
    const lines = writeErrors({ db, cipher }, upload.id, upload.columns ?? [])
    return replyWithFile(`${upload.id}.errors.csv`, lines)
  },
)

/** `GET /v1/uploads/{uploadId}/rejected.csv`: the refused rows as they were sent, to be mended. */
export const getUploadRejectedCsv = defineRoute(
  {
    ...spec,
    path: '/v1/uploads/{uploadId}/rejected.csv',
    operationId: 'getUploadRejectedCsv',
    summary: 'Reads the refused rows of an upload to mend and send them again',
    description:
      "The upload's header and the rows byte for byte, SSNs whole: not for spreadsheets that run " +
      `formulas. Reading it is audited. ${uploadAccess}`,
  },
  async ({ principal, params, requestId }, { db, findUpload, cipher }) => {
    const { upload } = await getVisibleUpload({ findUpload }, principal, params.uploadId)
    await appendAudit(db, [
      {
        actor: principal.subject,
        action: 'upload.rejected-rows-read',
        subject: { type: 'upload', id: upload.id },
        cause: { requestId, uploadId: upload.id },
      },
    ])
    const rows = writeRejected({ db, cipher }, upload.id, upload.columns ?? [])
    return replyWithFile(`${upload.id}.rejected.csv`, rows)
  },
)

function replyWithFile(name: string, content: AsyncIterable<string | Buffer>): Reply {
  return {
    status: 200,
    headers: {
      'Content-Type': `${CSV}; charset=utf-8`,
      'Content-Disposition': `attachment; filename="${name}"`,
    },
    body: Readable.from(content, { objectMode: false }),
  }
}

async function* writeErrors(
  source: RowSource,
  uploadId: string,
  columns: readonly string[],
): AsyncGenerator<string> {
  yield errorsCsvHeader(columns)
  for await (const rows of streamSpokenRows(source, { uploadId, kinds: REFUSED })) {
    yield rows.map((row) => errorsCsvLine(row, columns)).join('')
  }
}

async function* writeRejected(
  source: RowSource,
  uploadId: string,
  columns: readonly string[],
): AsyncGenerator<string | Buffer> {
  // The header's own line break is not kept: that of the rows stands for it.
  let lineBreak: string | undefined
  for await (const rows of streamSpokenRows(source, { uploadId, kinds: REFUSED })) {
    const kept = rows.flatMap(({ bytes }) => (bytes ? [bytes] : []))
    if (kept.length === 0) continue
    if (lineBreak === undefined) {
      lineBreak = findLineBreak(kept)
      yield writeLine(columns, lineBreak)
    }
    yield completeRows(kept, lineBreak)
  }
  if (lineBreak === undefined && columns.length > 0) yield writeLine(columns)
}
