import { z } from 'zod'
import type { UploadProgress } from '../../db/upload-progress.ts'
import { endStates, hasEnded, openStates } from '../../db/uploads.ts'

const count = z.int().min(0)
const time = z.iso.datetime()

/** An upload as callers see it. */
export const uploadSchema = z.object({
  uploadId: z.uuid(),
  kind: z.enum(['license', 'license-post']),
  compact: z.string(),
  jurisdiction: z.string(),
  state: z.enum([...openStates, ...endStates]),
  createdAt: time,
  expiresAt: time.nullable().describe('When the form ends'),
  receivedAt: time.nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  cancelRequested: z.boolean(),
  bytes: z.object({
    total: count.nullable(),
    processed: count.describe('Bytes whose rows have been checked'),
  }),
  rows: z.object({
    total: count.nullable().describe('Known once every row has been read'),
    validated: count,
    ingested: count,
  }),
  rowsPerSecond: z.number().nullable(),
  etaSeconds: z.int().nullable(),
  counts: z
    .object({
      records: count,
      accepted: count,
      rejected: count,
      duplicates: count,
      unchanged: count,
      created: count,
      updated: count,
      stale: count,
    })
    .describe('Rows decided so far; records = accepted + rejected + duplicates'),
  fileFaults: z
    .array(
      z.object({
        code: z.string(),
        message: z.string(),
        line: count.optional(),
        byte: count.optional(),
      }),
    )
    .describe('What is wrong with the file as a whole'),
  failureCode: z
    .string()
    .nullable()
    .describe('Why it failed where that is not the file, such as form_expired'),
  links: z.object({
    self: z.string(),
    events: z.string(),
    errors: z.string(),
    errorsCsv: z.string(),
    rejectedCsv: z.string(),
    warnings: z.string(),
  }),
})

export type UploadView = z.output<typeof uploadSchema>

/** The upload with its live progress at `now`. */
export function presentUpload({ upload, chunks }: UploadProgress, now: Date): UploadView {
  const ended = hasEnded(upload)
  const self = `/v1/uploads/${upload.id}`
  return {
    uploadId: upload.id,
    kind: upload.kind,
    compact: upload.compact,
    jurisdiction: upload.jurisdiction,
    state: upload.state,
    createdAt: upload.createdAt.toISOString(),
    expiresAt: toTime(upload.expiresAt),
    receivedAt: toTime(upload.receivedAt),
    startedAt: toTime(upload.startedAt),
    finishedAt: toTime(upload.finishedAt),
    cancelRequested: upload.cancelRequestedAt !== undefined,
    ...presentProgress({ upload, chunks }, now),
    counts: ended ? upload.counts : chunks.counts,
    fileFaults: [...upload.fileFaults],
    failureCode: upload.failureCode ?? null,
    links: {
      self,
      events: `${self}/events`,
      errors: `${self}/errors`,
      errorsCsv: `${self}/errors.csv`,
      rejectedCsv: `${self}/rejected.csv`,
      warnings: `${self}/warnings`,
    },
  }
}

/**
 * Grows with every change of an upload that callers can see, on every process alike: the id of its
 * events and its ETag.
 */
export function progressNumber({ upload, chunks }: UploadProgress): number {
  return upload.version + chunks.found + chunks.staged + chunks.applied
}

function presentProgress(
  { upload, chunks }: UploadProgress,
  now: Date,
): Pick<UploadView, 'bytes' | 'rows' | 'rowsPerSecond' | 'etaSeconds'> {
  const total = upload.sizeBytes ?? null
  const isWhole = upload.state === 'completed'
  const isRead = upload.indexed && chunks.staged === chunks.found
  const seconds = secondsSince(upload.startedAt, upload.finishedAt ?? now)
  // Every row is worked on twice: checked, then written.
  const rows = (chunks.stagedRows + chunks.appliedRows) / 2
  const share = total ? (chunks.stagedBytes + chunks.appliedBytes) / (2 * total) : 0
  return {
    bytes: { total, processed: isWhole && total !== null ? total : chunks.stagedBytes },
    rows: {
      total: isWhole || isRead ? chunks.stagedRows : null,
      validated: chunks.stagedRows,
      ingested: chunks.appliedRows,
    },
    rowsPerSecond: seconds > 0 ? Math.round(rows / seconds) : null,
    etaSeconds:
      hasEnded(upload) || share === 0
        ? null
        : Math.ceil((seconds * Math.max(0, 1 - share)) / share),
  }
}

function secondsSince(start: Date | undefined, end: Date): number {
  return start ? Math.max(0, end.getTime() - start.getTime()) / 1000 : 0
}

function toTime(date: Date | undefined): string | null {
  return date?.toISOString() ?? null
}
