import { z } from 'zod'
import type { ApiClient } from './client.ts'
import type { Output } from './output.ts'
import type { UploadResult } from './upload-file.ts'

const SHOWN_FAULTS = 5

const faultsSchema = z.object({
  errors: z.array(
    z.object({
      line: z.number(),
      errors: z.record(z.string(), z.array(z.object({ message: z.string() }))),
    }),
  ),
})

export type Reporting = { readonly client: ApiClient; readonly output: Output }

/** Shows what became of an upload: counts, faults of the file, the first refused rows. */
export async function showUpload(result: UploadResult, reporting: Reporting): Promise<void> {
  const { client, output } = reporting
  const { upload, seconds, errorsFile, rejectedFile } = result
  const faults = errorsFile === undefined ? [] : await listFirstFaults(client, upload.uploadId)
  const document = {
    ...upload,
    seconds: Math.round(seconds * 1000) / 1000,
    errorsFile: errorsFile ?? null,
    rejectedFile: rejectedFile ?? null,
  }
  output.result(document, () => {
    output.table(['state', ...Object.keys(upload.counts), 'seconds'], [listCells(result)])
    for (const { message, line } of upload.fileFaults) {
      output.line(line === undefined ? message : `line ${line}: ${message}`)
    }
    if (upload.failureCode !== null) output.line(`failed: ${upload.failureCode}`)
    for (const fault of faults) output.line(fault)
    if (errorsFile !== undefined) output.line(`All faults: ${errorsFile}`)
    if (rejectedFile !== undefined) output.line(`Rows to mend and send again: ${rejectedFile}`)
  })
}

// The first refused rows of an upload, one line each: `line 4: dateOfBirth: Not a valid date.`
async function listFirstFaults(client: ApiClient, uploadId: string): Promise<string[]> {
  const path = `/v1/uploads/${uploadId}/errors?limit=${SHOWN_FAULTS}`
  const { errors } = faultsSchema.parse(await client.sendForJson({ method: 'GET', path }))
  return errors.map((row) => {
    const messages = Object.entries(row.errors).flatMap(([field, list]) =>
      list.map(({ message }) => (field === '_row' ? message : `${field}: ${message}`)),
    )
    return `line ${row.line}: ${messages.join(' ')}`
  })
}

function listCells({ upload, seconds }: UploadResult): string[] {
  const counts = Object.values(upload.counts).map((count) => count.toLocaleString('en'))
  return [upload.state, ...counts, seconds.toFixed(1)]
}
