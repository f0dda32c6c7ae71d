import { z } from 'zod'
import type { RosterRunState } from '../../core/roster/run.ts'
import type { RosterUploadRun } from '../../db/roster/uploads.ts'
import { endStates, openStates, type UploadState } from '../../db/uploads.ts'
import { presentRosterRun, rosterRunSchema } from './roster-run.ts'

const time = z.iso.datetime()

/** An upload of the kind `oneroster-csv`: a run reads it, and its states are told as of any upload. */
export const rosterUploadSchema = z.object({
  uploadId: z.uuid(),
  kind: z.literal('oneroster-csv'),
  providerId: z.uuid(),
  syncId: z.uuid().describe('The run that reads it'),
  state: z.enum([...openStates, ...endStates]).describe('`partial` and a dry run are `completed`'),
  createdAt: time,
  receivedAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  cancelRequested: z.boolean(),
  bytes: z.object({ total: z.int() }),
  counts: rosterRunSchema.shape.counts.describe('By type, as of the run'),
  progress: rosterRunSchema.shape.progress,
  failureCode: z.string().nullable(),
  links: z.object({
    self: z.string(),
    run: z.string(),
    events: z.string().describe('Server-sent events of the provider’s runs'),
    errors: z.string().describe('JSON, or CSV by `Accept: text/csv`'),
  }),
})

type RosterUploadView = z.output<typeof rosterUploadSchema>

// What a run does with an archive, in the words of every upload.
const STATES: Readonly<Record<RosterRunState, UploadState>> = {
  queued: 'received',
  pulling: 'validating',
  planning: 'validating',
  held: 'ingesting',
  applying: 'ingesting',
  succeeded: 'completed',
  partial: 'completed',
  failed: 'failed',
  stopped: 'cancelled',
  discarded: 'cancelled',
}

/** The upload with what its run has come to. */
export function presentRosterUpload(
  { upload, run }: RosterUploadRun,
  standing: Parameters<typeof presentRosterRun>[1],
): RosterUploadView {
  const { syncId, startedAt, endedAt, stopRequested, counts, progress, error } = presentRosterRun(
    run,
    standing,
  )
  const tenant = encodeURIComponent(upload.tenant)
  const path = `/sync/${tenant}/history/${syncId}`
  return {
    uploadId: upload.id,
    kind: 'oneroster-csv',
    providerId: upload.providerId,
    syncId,
    state: STATES[run.state],
    createdAt: upload.createdAt.toISOString(),
    receivedAt: upload.createdAt.toISOString(),
    startedAt: run.startedAt ? startedAt : null,
    finishedAt: endedAt,
    cancelRequested: stopRequested,
    bytes: { total: upload.sizeBytes },
    counts,
    ...(progress && { progress }),
    failureCode: error?.code ?? null,
    links: {
      self: `/v1/uploads/${upload.id}`,
      run: path,
      events: `/sync/${tenant}/events?providerId=${upload.providerId}`,
      errors: `${path}/errors`,
    },
  }
}
