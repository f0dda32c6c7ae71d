import { Readable } from 'node:stream'
import { defineRoute } from '../guard.ts'
import { hasEnded } from '../../db/uploads.ts'
import { progressNumber } from '../presenters/upload.ts'
import { getVisibleUpload, uploadAccess, uploadParams } from '../upload-access.ts'
import { streamUpload } from '../upload-feed.ts'

const EVENT_ID = /^\d{1,15}$/

/** `GET /v1/uploads/{uploadId}/events`: what `getUpload` answers, whenever it changes (SSE). */
export const streamUploadEvents = defineRoute(
  {
    method: 'GET',
    path: '/v1/uploads/{uploadId}/events',
    operationId: 'streamUploadEvents',
    summary: 'Streams the state and the progress of an upload',
    description:
      'Server-sent events: each `data` is what `GET /v1/uploads/{uploadId}` answers. The stream ends ' +
      `after the closing state. \`Last-Event-ID\` goes on where a stream broke off. ${uploadAccess}`,
    tags: ['uploads'],
    auth: 'token',
    params: uploadParams,
    responses: {
      200: { description: 'The stream', contentType: 'text/event-stream' },
      204: { description: 'The upload has ended and the caller has seen its closing state' },
    },
    errors: { 404: 'There is no such upload, or the token may not see it' },
  },
  async ({ principal, params, headers, signal }, { findUpload, clock, stopping }) => {
    const first = await getVisibleUpload({ findUpload }, principal, params.uploadId)
    const seen = parseEventId(headers['last-event-id'])
    if (hasEnded(first.upload) && seen === progressNumber(first)) return { status: 204 }
    const events = streamUpload(first, {
      findUpload,
      clock,
      seen,
      signal: AbortSignal.any([signal, stopping]),
    })
    return {
      status: 200,
      headers: {
        'Content-Type': 'text/event-stream; charset=utf-8',
        // Proxies would hold events back.
        'X-Accel-Buffering': 'no',
      },
      body: Readable.from(events),
    }
  },
)

function parseEventId(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && EVENT_ID.test(header) ? Number(header) : undefined
}
