import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { openOneRosterCsv } from '../../connectors/oneroster/csv-source.ts'
import { AppError } from '../../core/errors.ts'
import type { RosterMode } from '../../core/roster/source.ts'
import { withTransaction } from '../../db/client.ts'
import type { RosterProvider } from '../../db/roster/providers.ts'
import { startRosterRun } from '../../db/roster/start.ts'
import { insertRosterUpload, rosterUploadKey } from '../../db/roster/uploads.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { openUploadForm } from '../multipart-upload.ts'
import { rosterRunExample } from '../presenters/roster-run.ts'
import { getProvider, syncScope, throwNotFound } from '../roster-access.ts'
import { throwNotStarted } from '../roster-starts.ts'

const uploadSchema = z.object({ uploadId: z.uuid(), syncId: z.uuid(), statusUrl: z.string() })

/** `POST /v1/uploads?kind=oneroster-csv&providerId=…`: a roster as a file. */
export const postRosterUpload = defineRoute(
  {
    method: 'POST',
    path: '/v1/uploads',
    operationId: 'uploadRoster',
    summary: 'Takes a OneRoster CSV archive and syncs it',
    description:
      'A zip with `manifest.csv`, as the one file of a multipart form. Its manifest says whether it ' +
      'holds the whole roster (`bulk`) or changes (`delta`). It is checked before it is unpacked, ' +
      'and kept until its run has ended.',
    tags: ['rosters', 'uploads'],
    auth: syncScope,
    query: z.object({
      kind: z.literal('oneroster-csv'),
      providerId: z.uuid().describe("Of the token's tenant"),
      force: z
        .enum(['true', 'false'])
        .default('false')
        .describe('Also within a pause of the provider'),
    }),
    body: {
      kind: 'stream',
      contentTypes: ['multipart/form-data'],
      description: 'The archive as `file`',
    },
    responses: {
      202: {
        description: 'The archive is there and its run starts',
        schema: uploadSchema,
        example: {
          uploadId: rosterRunExample.providerId,
          syncId: rosterRunExample.syncId,
          statusUrl: `/sync/spring-valley/history/${rosterRunExample.syncId}`,
        },
        headers: { Location: 'The run' },
      },
    },
    errors: {
      400: 'The form is malformed, or a query parameter is wrong',
      404: "The token's tenant has no such provider",
      409: '`sync_running`: a run is under way, `syncId` names it; `paused`: the provider pauses',
      413: 'The archive is larger than uploads may be',
      422: 'It is no OneRoster CSV archive, or the provider reads something else',
    },
  },
  async ({ principal, query, stream, requestId, traceparent }, context) => {
    const { tenant } = principal
    if (tenant === undefined) return throwNotFound()
    const provider = await getProvider(context.db, {
      tenantId: tenant,
      providerId: query.providerId,
    })
    if (provider.kind === 'clever') throwWrongKind()
    const directory = await mkdtemp(join(tmpdir(), 'registrar-roster-'))
    try {
      const path = join(directory, 'roster.zip')
      const sizeBytes = await receive(stream, { path, maxBytes: context.config.uploads.maxBytes })
      const mode = await readMode(path)
      const upload = { path, sizeBytes, mode, createdBy: principal.subject }
      const isForced = query.force === 'true'
      const body = await book(provider, upload, { ...context, requestId, traceparent, isForced })
      return { status: 202, headers: { Location: body.statusUrl }, body }
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  },
)

type Received = {
  readonly path: string
  readonly sizeBytes: number
  readonly mode: RosterMode
  readonly createdBy: string
}

type Booking = ApiContext & {
  readonly requestId: string
  readonly traceparent: string | undefined
  readonly isForced: boolean
}

async function receive(
  request: IncomingMessage,
  { path, maxBytes }: { readonly path: string; readonly maxBytes: number },
): Promise<number> {
  const form = await openUploadForm(request)
  try {
    await pipeline(form.file, limitTo(maxBytes), createWriteStream(path, { mode: 0o600 }))
    await form.finished
    return (await stat(path)).size
  } catch (error) {
    throw error instanceof AppError ? error : (form.fault() ?? error)
  } finally {
    form.close()
  }
}

function limitTo(maxBytes: number): Transform {
  let sizeBytes = 0
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      sizeBytes += part.length
      done(sizeBytes > maxBytes ? createTooLarge(maxBytes) : null, part)
    },
  })
}

async function readMode(path: string): Promise<RosterMode> {
  const archive = await openOneRosterCsv(path)
  archive.close()
  return archive.mode
}

// The archive first: a run that is there finds it.
async function book(
  { id: providerId, tenant }: RosterProvider,
  { path, sizeBytes, mode, createdBy }: Received,
  { db, blobs, clock, handOver, requestId, traceparent, isForced }: Booking,
): Promise<z.output<typeof uploadSchema>> {
  const uploadId = randomUUID()
  await blobs.put(rosterUploadKey(uploadId), path)
  try {
    const { run, queued } = await withTransaction(db, async (tx) => {
      await insertRosterUpload(tx, { id: uploadId, tenant, providerId, sizeBytes, createdBy })
      const start = await startRosterRun(tx, {
        providerId,
        mode,
        trigger: 'upload',
        uploadId,
        isForced,
        startedBy: createdBy,
        requestId,
        traceparent,
        now: clock(),
      })
      return start.outcome === 'started' ? start : throwNotStarted(start)
    })
    // Not awaited: the relay takes what Temporal does not.
    for (const { id, start } of queued) void handOver(id, start)
    const statusUrl = `/sync/${encodeURIComponent(tenant)}/history/${run.id}`
    return { uploadId, syncId: run.id, statusUrl }
  } catch (error) {
    await blobs.remove(rosterUploadKey(uploadId))
    throw error
  }
}

function createTooLarge(maxBytes: number): AppError {
  return new AppError('upload_too_large', `Cannot take a file over ${maxBytes} bytes`, {
    status: 413,
  })
}

function throwWrongKind(): never {
  throw new AppError('wrong_kind', 'Cannot take this archive: the provider reads Clever', {
    status: 422,
  })
}
