import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { countLicenseFile, listOvertaken, type SampleCounts } from '../../core/sample/licenses.ts'
import type { LicenseRecord } from '../../core/license/record.ts'
import type { SampleFile } from '../../core/sample/plan.ts'
import type { ApiClient } from '../client.ts'
import type { Output } from '../output.ts'
import { writeSample } from '../sample.ts'
import { uploadFile } from '../upload-file.ts'
import { showUpload } from '../upload-report.ts'
import { readUpload, type UploadView } from '../upload-view.ts'
import { listSurprises, rowsOf, type DemoStep, type StepResult, takeStep } from './steps.ts'

export type DemoUploads = {
  readonly client: ApiClient
  readonly output: Output
  /** Where the sample files are written. */
  readonly directory: string
  readonly file: SampleFile
}

// So many licensees change while their board's file is still being checked.
const OVERTAKEN = 25
const POLL_MS = 25

/** Uploads the board's first file into an empty jurisdiction. */
export async function uploadFirst(demo: DemoUploads): Promise<DemoStep> {
  const { file } = demo
  return await takeStep("upload of the board's first file", async () => {
    const upload = await send(demo, file)
    return judge(upload, countLicenseFile(file))
  })
}

/**
 * Uploads the board's later file and, while it is being checked, posts newer data of some of its
 * licensees: the file's rows of these are stale when they are written.
 */
export async function uploadLater(demo: DemoUploads): Promise<DemoStep[]> {
  const later = { ...demo.file, later: true }
  const records = listOvertaken(later, OVERTAKEN)
  let posted: Promise<Overtaking> | undefined
  const fileStep = takeStep("upload of the board's later file", async () => {
    const upload = await send(demo, later, (uploadId) => {
      posted = overtake(demo, { records, uploadId })
      // It is judged in its own step.
      posted.catch(() => {})
    })
    const order = (await posted)?.order ?? 'unknown'
    return judgeLater(upload, { later, overtaken: records.length, order })
  })
  const fileResult = await fileStep
  const postStep = await takeStep('newer records posted meanwhile', async () => {
    if (!posted) return { surprises: ['nothing was posted'] }
    const { upload, seconds } = await posted
    const expected = { records: records.length, accepted: records.length, updated: records.length }
    return { ...judge(upload, expected), seconds }
  })
  return [postStep, fileResult]
}

async function send(
  demo: DemoUploads,
  file: SampleFile,
  onSent?: (uploadId: string) => void,
): Promise<UploadView> {
  const { client, output, directory } = demo
  const compact = file.compact.abbreviation
  const { jurisdiction } = file
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, `${compact}-${jurisdiction}-${file.later ? 'later' : 'first'}.csv`)
  await writeSample(createWriteStream(path), file)
  output.line(`\nUploading ${path}`)
  const job = { client, file: path, compact, jurisdiction }
  const result = await uploadFile(onSent ? { ...job, onSent } : job)
  await showUpload(result, { client, output })
  return result.upload
}

type Order = 'posted first' | 'file first' | 'unknown'

type Overtaking = {
  readonly upload: UploadView
  readonly seconds: number
  /** Which of the two was applied first, as far as it can be told. */
  readonly order: Order
}

const acceptance = z.object({ uploadId: z.string() })

async function overtake(
  { client, file }: DemoUploads,
  { records, uploadId }: { readonly records: readonly LicenseRecord[]; readonly uploadId: string },
): Promise<Overtaking> {
  const startedMs = performance.now()
  const path = `/v1/compacts/${file.compact.abbreviation}/jurisdictions/${file.jurisdiction}/licenses`
  const posted = acceptance.parse(await client.sendForJson({ method: 'POST', path, body: records }))
  const upload = await waitForEnd(client, posted.uploadId)
  const seconds = Math.round(performance.now() - startedMs) / 1000
  const { state } = await readUpload(client, uploadId)
  const isBefore = state === 'received' || state === 'validating'
  return { upload, seconds, order: isBefore ? 'posted first' : 'unknown' }
}

async function waitForEnd(client: ApiClient, uploadId: string): Promise<UploadView> {
  for (;;) {
    const upload = await readUpload(client, uploadId)
    if (upload.finishedAt !== null) return upload
    await delay(POLL_MS)
  }
}

function judge(upload: UploadView, expected: Partial<SampleCounts>): StepResult {
  const { faults: _, ...counts } = expected
  return { surprises: listSurprises(upload, counts), rows: rowsOf(upload) }
}

type LaterExpectation = {
  readonly later: SampleFile
  readonly overtaken: number
  readonly order: Order
}

function judgeLater(upload: UploadView, expectation: LaterExpectation): StepResult {
  const { later, overtaken, order } = expectation
  if (order === 'posted first') return judge(upload, countLicenseFile(later, { overtaken }))
  const { stale } = upload.counts
  const { updated, unchanged, stale: _, ...certain } = countLicenseFile(later)
  const known = judge(upload, certain)
  const others = updated + unchanged - stale
  const isPossible =
    stale <= overtaken && upload.counts.updated + upload.counts.unchanged === others
  return isPossible ? known : { ...known, surprises: [...known.surprises, `stale ${stale}`] }
}
