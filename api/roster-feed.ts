import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { listCurrentRosterRuns } from '../db/roster/history.ts'
import type { ApiContext } from './context.ts'
import { presentRosterRun } from './presenters/roster-run.ts'

const POLL_MS = 500
const HEARTBEAT_MS = 15_000
/** A stream ends after this long, so that its listener comes back with a token that still counts. */
const LIFE_MS = 60 * 60 * 1000
const ID_LENGTH = 22

type Runs = ReturnType<typeof listCurrentRosterRuns>
type Watched = { readonly tenant: string; readonly providerId?: string | undefined }

export type RosterFeedOptions = Watched & {
  readonly db: ApiContext['db']
  readonly clock: () => Date
  /** The last event that the caller has seen (`Last-Event-ID`). */
  readonly seen: string | undefined
  /** Aborted when the caller goes away or the process stops. */
  readonly signal: AbortSignal
}

// However many listen to a tenant, one query at a time looks at it.
const polls = new WeakMap<ApiContext['db'], Map<string, Runs>>()

/**
 * Server-sent events of a tenant: each provider's current run as it is now, and again whenever it
 * changes. Who comes back with the last event's id is told only of what changed since.
 */
export async function* streamRosterRuns(options: RosterFeedOptions): AsyncGenerator<string> {
  const startedMs = Date.now()
  const sent = new Map<string, string>()
  let sentMs = startedMs
  let runs = await listCurrentRosterRuns(options.db, options)
  yield 'retry: 2000\n\n'
  while (!options.signal.aborted && Date.now() - startedMs < LIFE_MS) {
    for (const { run, progress } of runs) {
      const data = JSON.stringify(presentRosterRun(run, { progress, now: options.clock() }))
      // What only grows with the clock is no news.
      const id = hash([run, { ...progress, cursorAt: progress.cursorAt?.getTime() }])
      if (sent.get(run.providerId) === id) continue
      sent.set(run.providerId, id)
      if (id === options.seen) continue
      yield `id: ${id}\ndata: ${data}\n\n`
      sentMs = Date.now()
    }
    if (Date.now() - sentMs >= HEARTBEAT_MS) {
      yield ': heartbeat\n\n'
      sentMs = Date.now()
    }
    runs = await pollShared(options)
  }
}

async function pollShared({ db, tenant, providerId }: RosterFeedOptions): Runs {
  const key = JSON.stringify([tenant, providerId])
  const open = polls.get(db) ?? new Map<string, Runs>()
  polls.set(db, open)
  const known = open.get(key)
  if (known) return await known
  const poll = delay(POLL_MS)
    .then(async () => await listCurrentRosterRuns(db, { tenant, providerId }))
    .finally(() => open.delete(key))
  open.set(key, poll)
  return await poll
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, ID_LENGTH)
}
