import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { ApiClient } from './client.ts'
import { postForm, type FormPost } from './post-form.ts'
import { startProgressBar } from './progress-bar.ts'
import { followUpload, readUpload, type UploadView } from './upload-view.ts'

export type UploadJob = {
  readonly client: ApiClient
  readonly file: string
  readonly compact: string
  readonly jurisdiction: string
  /** Told when the file is wholly received, while its ingest begins. */
  readonly onSent?: (uploadId: string) => void
}

export type UploadResult = {
  readonly upload: UploadView
  /** From the first byte sent to the end of the ingest. */
  readonly seconds: number
  /** Written beside the file where rows were refused. */
  readonly errorsFile: string | undefined
  readonly rejectedFile: string | undefined
}

const formSchema = z.object({
  upload: z.object({ url: z.string(), fields: z.record(z.string(), z.string()) }),
  uploadId: z.string(),
})

/** Uploads a file, follows its ingest with bars on stderr, and writes beside it what was refused. */
export async function uploadFile(job: UploadJob): Promise<UploadResult> {
  const { client, file } = job
  const sizeBytes = await getSize(file)
  const { upload: form, uploadId } = await getForm(job)
  const startedMs = performance.now()
  await sendFile({ ...form, path: file, sizeBytes })
  job.onSent?.(uploadId)
  const upload = await showIngest(client, uploadId)
  const seconds = (performance.now() - startedMs) / 1000
  const { rejected, duplicates } = upload.counts
  const errorsFile = `${file}.errors.csv`
  const rejectedFile = `${file}.rejected.csv`
  if (rejected + duplicates === 0) {
    // What an earlier upload of the file has left says nothing of this one.
    for (const path of [errorsFile, rejectedFile]) await rm(path, { force: true })
    return { upload, seconds, errorsFile: undefined, rejectedFile: undefined }
  }
  await download(client, `/v1/uploads/${uploadId}/errors.csv`, errorsFile)
  await download(client, `/v1/uploads/${uploadId}/rejected.csv`, rejectedFile)
  return { upload, seconds, errorsFile, rejectedFile }
}

async function getSize(file: string): Promise<number> {
  const stats = await stat(file).catch(() => undefined)
  if (stats?.isFile()) return stats.size
  throw new AppError('no_such_file', `Cannot read "${file}": it is no file`, {
    status: 404,
    expose: true,
  })
}

async function getForm(job: UploadJob): Promise<z.output<typeof formSchema>> {
  const compact = encodeURIComponent(job.compact)
  const jurisdiction = encodeURIComponent(job.jurisdiction)
  const path = `/v1/compacts/${compact}/jurisdictions/${jurisdiction}/licenses/bulk-upload`
  return formSchema.parse(await job.client.sendForJson({ method: 'GET', path }))
}

async function sendFile(post: Omit<FormPost, 'onProgress'>): Promise<void> {
  const bar = startProgressBar({ label: 'upload', total: post.sizeBytes })
  const startedMs = performance.now()
  try {
    await postForm({
      ...post,
      onProgress(sentBytes) {
        const bytesPerMs = sentBytes / Math.max(performance.now() - startedMs, 1)
        bar.update(sentBytes, `${(bytesPerMs / 1000).toFixed(1)} MB/s`)
      },
    })
  } finally {
    bar.stop()
  }
}

async function showIngest(client: ApiClient, uploadId: string): Promise<UploadView> {
  const bar = startProgressBar({ label: 'ingest', total: 1 })
  try {
    for await (const view of followUpload(client, uploadId)) {
      bar.update(shareOf(view), describeProgress(view))
    }
  } finally {
    bar.stop()
  }
  return await readUpload(client, uploadId)
}

// Every row is checked, then written: half of the way each.
function shareOf({ state, bytes, rows }: UploadView): number {
  if (state === 'completed') return 1
  const checked = bytes.total ? bytes.processed / bytes.total : 0
  const written = rows.total ? rows.ingested / rows.total : 0
  return (Math.min(checked, 1) + written) / 2
}

function describeProgress({ state, rows, rowsPerSecond, etaSeconds }: UploadView): string {
  const count = state === 'ingesting' ? rows.ingested : rows.validated
  const rate = rowsPerSecond === null ? '' : `, ${rowsPerSecond.toLocaleString('en')} rows/s`
  const left = etaSeconds === null ? '' : `, ${etaSeconds} s left`
  return `${state}, ${count.toLocaleString('en')} rows${rate}${left}`
}

// Rejected rows hold whole SSNs: only their owner may read the file.
async function download(client: ApiClient, path: string, to: string): Promise<void> {
  const response = await client.send({ method: 'GET', path, headers: { accept: 'text/csv' } })
  await pipeline(Readable.from(response.body ?? []), createWriteStream(to, { mode: 0o600 }))
}
