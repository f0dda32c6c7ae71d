import { setTimeout as delay } from 'node:timers/promises'
import type { UploadProgress } from '../db/upload-progress.ts'
import { hasEnded } from '../db/uploads.ts'
import type { ApiContext } from './context.ts'
import { presentUpload, progressNumber } from './presenters/upload.ts'

const POLL_MS = 500
const HEARTBEAT_MS = 15_000
/** A stream ends after this long, so that its listener comes back with a token that still counts. */
const LIFE_MS = 60 * 60 * 1000

type FindUpload = ApiContext['findUpload']

export type FeedOptions = {
  readonly findUpload: FindUpload
  readonly clock: () => Date
  /** Where the caller's last stream ended (`Last-Event-ID`). */
  readonly seen: number | undefined
  /** Aborted when the caller goes away or the process stops. */
  readonly signal: AbortSignal
}

type Poll = Promise<UploadProgress | undefined>

// However many listen to an upload, one query at a time looks at it.
const polls = new WeakMap<FindUpload, Map<string, Poll>>()

/**
 * Server-sent events of an upload: its state whenever that changes, from `first` on, and the end
 * after the closing one. Ids grow; what the caller has seen is not sent again.
 */
export async function* streamUpload(
  first: UploadProgress,
  options: FeedOptions,
): AsyncGenerator<string> {
  const startedMs = Date.now()
  let sentMs = startedMs
  let seen = options.seen
  let progress: UploadProgress | undefined = first
  yield 'retry: 2000\n\n'
  while (progress && !options.signal.aborted && Date.now() - startedMs < LIFE_MS) {
    const number = progressNumber(progress)
    if (number !== seen) {
      yield toEvent(progress, number, options.clock())
      seen = number
      sentMs = Date.now()
    }
    if (hasEnded(progress.upload)) return
    if (Date.now() - sentMs >= HEARTBEAT_MS) {
      yield ': heartbeat\n\n'
      sentMs = Date.now()
    }
    progress = await pollShared(options.findUpload, first.upload.id)
  }
}

function toEvent(progress: UploadProgress, number: number, now: Date): string {
  return `id: ${number}\ndata: ${JSON.stringify(presentUpload(progress, now))}\n\n`
}

async function pollShared(findUpload: FindUpload, uploadId: string): Poll {
  const open = polls.get(findUpload) ?? new Map<string, Poll>()
  polls.set(findUpload, open)
  const known = open.get(uploadId)
  if (known) return await known
  const poll = delay(POLL_MS)
    .then(async () => await findUpload(uploadId))
    .finally(() => open.delete(uploadId))
  open.set(uploadId, poll)
  return await poll
}
