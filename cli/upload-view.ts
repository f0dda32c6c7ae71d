import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { isAppError } from '../core/errors.ts'
import type { ApiClient } from './client.ts'
import { readEvents } from './server-events.ts'

const uploadView = z.object({
  uploadId: z.string(),
  state: z.enum([
    'awaiting-file',
    'received',
    'validating',
    'ingesting',
    'completed',
    'failed',
    'cancelled',
  ]),
  receivedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  bytes: z.object({ total: z.number().nullable(), processed: z.number() }),
  rows: z.object({
    total: z.number().nullable(),
    validated: z.number(),
    ingested: z.number(),
  }),
  rowsPerSecond: z.number().nullable(),
  etaSeconds: z.number().nullable(),
  counts: z.object({
    records: z.number(),
    accepted: z.number(),
    rejected: z.number(),
    duplicates: z.number(),
    unchanged: z.number(),
    created: z.number(),
    updated: z.number(),
    stale: z.number(),
  }),
  fileFaults: z.array(
    z.object({ code: z.string(), message: z.string(), line: z.number().optional() }),
  ),
  failureCode: z.string().nullable(),
})

/** An upload as the API shows it. */
export type UploadView = z.output<typeof uploadView>

const RECONNECT_MS = 1_000
const MAX_FAILURES = 60
const ENDED = ['completed', 'failed', 'cancelled']

/** The upload as it is now. */
export async function readUpload(client: ApiClient, uploadId: string): Promise<UploadView> {
  const path = `/v1/uploads/${uploadId}`
  return uploadView.parse(await client.sendForJson({ method: 'GET', path }))
}

/** Follows an upload to its end over server-sent events; a stream that breaks is taken up again. */
export async function* followUpload(
  client: ApiClient,
  uploadId: string,
): AsyncGenerator<UploadView> {
  let lastEventId: string | undefined
  let failures = 0
  let state: UploadView['state'] | undefined
  while (state === undefined || !ENDED.includes(state)) {
    if (state !== undefined || failures > 0) await delay(RECONNECT_MS)
    try {
      for await (const { id, data } of readEvents(
        await openStream(client, uploadId, lastEventId),
      )) {
        const view = uploadView.parse(JSON.parse(data))
        lastEventId = id
        failures = 0
        state = view.state
        yield view
      }
    } catch (error) {
      // A refusal stays one; a connection that breaks does not.
      if (isAppError(error) && error.status < 500) throw error
      failures += 1
      if (failures > MAX_FAILURES) throw error
    }
  }
}

async function openStream(
  client: ApiClient,
  uploadId: string,
  lastEventId: string | undefined,
): Promise<Response> {
  return await client.send({
    method: 'GET',
    path: `/v1/uploads/${uploadId}/events`,
    headers: {
      accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    },
  })
}
