import { Readable } from 'node:stream'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { rosterTypes, type RosterSelection } from '../../core/roster/run.ts'
import { withTransaction } from '../../db/client.ts'
import { listCurrentRosterRuns } from '../../db/roster/history.ts'
import { findRunningRosterRun } from '../../db/roster/runs.ts'
import { startRosterRun } from '../../db/roster/start.ts'
import { defineRoute } from '../guard.ts'
import { presentRosterRun, rosterRunExample, rosterRunSchema } from '../presenters/roster-run.ts'
import {
  assertOwnProvider,
  chooseProvider,
  NEEDS_PROVIDER,
  NO_PROVIDER,
  NOT_ITS_PROVIDER,
  readScope,
  syncScope,
  tenantParams,
} from '../roster-access.ts'
import { streamRosterRuns } from '../roster-feed.ts'
import { throwNotStarted } from '../roster-starts.ts'
import { stopRun } from '../roster-stop.ts'

const tags = ['rosters']
const EVENT_ID = /^[\w-]{1,64}$/
const MAX_IDS = 10_000

const ids = z.array(z.string().min(1).max(255)).max(MAX_IDS)
const started = z.object({ syncId: z.uuid() })
const watched = z.object({ providerId: z.uuid().optional().describe('Of this provider alone') })
const overview = z.object({ runs: z.array(rosterRunSchema) })

const startBody = z.strictObject({
  providerId: z.uuid().optional().describe('Needed where the tenant has several'),
  mode: z.enum(['full', 'incremental']).default('incremental'),
  select: z
    .strictObject({
      types: z.array(z.enum(rosterTypes)).max(rosterTypes.length).optional(),
      schools: ids.optional().describe('Ids of the source'),
      grades: ids.optional(),
      roles: ids.optional(),
    })
    .optional()
    .describe('Outside of it nothing is created, changed or ended'),
  dryRun: z.boolean().default(false).describe('Only plans; nothing is written'),
  adds_only: z.boolean().default(false).describe('Creates and updates, deactivates nobody'),
  force: z.boolean().default(false).describe('Also within a pause'),
})

/** `POST /sync/{tenantId}/start`: starts a run. */
export const startSync = defineRoute(
  {
    method: 'POST',
    path: '/sync/{tenantId}/start',
    operationId: 'startRosterSync',
    summary: 'Starts a sync of a roster',
    description:
      'A `full` run reads everything, an `incremental` one what has changed since the last; the ' +
      'latter becomes a full one where the source cannot do less. A run that waits for a decision ' +
      '(`held`) is discarded: the new one plans anew.',
    tags,
    auth: syncScope,
    params: tenantParams,
    ofTenant: true,
    idempotent: true,
    body: {
      kind: 'json',
      optional: true,
      schema: startBody,
      example: { providerId: rosterRunExample.providerId, mode: 'full', dryRun: true },
    },
    responses: {
      202: {
        description: 'It runs',
        schema: started,
        example: { syncId: rosterRunExample.syncId },
        headers: { Location: 'The run', 'Retry-After': 'Seconds' },
      },
    },
    errors: {
      404: NO_PROVIDER,
      409:
        '`sync_running`: a run is under way, `syncId` names it; `paused`: the provider pauses; ' +
        '`reconcile_writing`: a repair writes, for seconds',
      422: NEEDS_PROVIDER,
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { db, clock, handOver } = context
    const provider = await chooseProvider(context.db, { ...params, ...body })
    const { reply, queued } = await withTransaction(db, async (tx) => {
      const start = await startRosterRun(tx, {
        providerId: provider.id,
        mode: body.mode,
        trigger: 'manual',
        selection: findSelection(body.select),
        dryRun: body.dryRun,
        addsOnly: body.adds_only,
        isForced: body.force,
        startedBy: principal.subject,
        requestId,
        traceparent,
        now: clock(),
      })
      if (start.outcome !== 'started') return throwNotStarted(start)
      const location = `/sync/${encodeURIComponent(params.tenantId)}/history/${start.run.id}`
      const answer = await settle(tx, {
        status: 202,
        headers: { Location: location, 'Retry-After': '1' },
        body: { syncId: start.run.id },
      })
      return { reply: answer, queued: start.queued }
    })
    // Not awaited: the relay takes what Temporal does not.
    for (const { id, start } of queued) void handOver(id, start)
    return reply
  },
)

/** `GET /sync/{tenantId}/status`: the run under way of each provider, else its last one. */
export const getSyncStatus = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/status',
    operationId: 'getRosterStatus',
    summary: 'The current or last run of each provider',
    tags,
    auth: readScope,
    params: tenantParams,
    ofTenant: true,
    query: watched,
    responses: {
      200: {
        description: 'One run a provider that ever ran',
        schema: overview,
        example: { runs: [rosterRunExample] },
      },
    },
    errors: { 404: NOT_ITS_PROVIDER },
  },
  async ({ params, query }, { db, clock }) => {
    await assertOwnProvider(db, { ...params, ...query })
    const found = await listCurrentRosterRuns(db, { tenant: params.tenantId, ...query })
    const now = clock()
    const runs = found.map(({ run, progress }) => presentRosterRun(run, { progress, now }))
    return { status: 200, body: { runs } }
  },
)

/** `GET /sync/{tenantId}/events`: each provider's run whenever it changes (SSE). */
export const streamSyncEvents = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/events',
    operationId: 'streamRosterEvents',
    summary: 'Streams the current runs of a tenant',
    description:
      'Server-sent events: each `data` is a run as `GET …/status` shows it, first as it is now, ' +
      'then whenever it changes. The stream stays open between runs. `Last-Event-ID` leaves out ' +
      'what was seen already.',
    tags,
    auth: readScope,
    params: tenantParams,
    ofTenant: true,
    query: watched,
    responses: { 200: { description: 'The stream', contentType: 'text/event-stream' } },
    errors: { 404: NOT_ITS_PROVIDER },
  },
  async ({ params, query, headers, signal }, { db, clock, stopping }) => {
    await assertOwnProvider(db, { ...params, ...query })
    const seen = headers['last-event-id']
    const events = streamRosterRuns({
      db,
      clock,
      tenant: params.tenantId,
      ...query,
      seen: typeof seen === 'string' && EVENT_ID.test(seen) ? seen : undefined,
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

/** `POST /sync/{tenantId}/stop`: ends the run under way. */
export const stopSync = defineRoute(
  {
    method: 'POST',
    path: '/sync/{tenantId}/stop',
    operationId: 'stopRosterSync',
    summary: 'Stops the run under way of a provider',
    description:
      'It is quiet within seconds. What was written stays, and the next run goes on from there.',
    tags,
    auth: syncScope,
    params: tenantParams,
    ofTenant: true,
    body: {
      kind: 'json',
      optional: true,
      schema: z.strictObject({
        providerId: z.uuid().optional().describe('Needed where the tenant has several'),
      }),
      example: { providerId: rosterRunExample.providerId },
    },
    responses: {
      202: {
        description: 'It ends; its state tells when',
        schema: started,
        example: { syncId: rosterRunExample.syncId },
        headers: { Location: 'The run', 'Retry-After': 'Seconds' },
      },
    },
    errors: {
      404: NO_PROVIDER,
      409: '`not_running`: no run of the provider is under way; one that is held is not',
      422: NEEDS_PROVIDER,
    },
  },
  async ({ principal, params, body, requestId }, context) => {
    const { db } = context
    const provider = await chooseProvider(context.db, { ...params, ...body })
    const { tenant } = provider
    const run = await findRunningRosterRun(db, provider.id)
    const { subject } = principal
    if (!run || !(await stopRun(context, run, { subject, requestId }))) return throwNotRunning()
    const location = `/sync/${encodeURIComponent(tenant)}/history/${run.id}`
    const headers = { Location: location, 'Retry-After': '1' }
    return { status: 202, headers, body: { syncId: run.id } }
  },
)

// One that limits nothing is none.
function findSelection(select: RosterSelection | undefined): RosterSelection | null {
  const lists = Object.values(select ?? {}) as readonly (readonly string[] | undefined)[]
  return select && lists.some((list) => list !== undefined && list.length > 0) ? select : null
}

function throwNotRunning(): never {
  throw new AppError('not_running', 'Cannot stop this: no run of the provider is under way', {
    status: 409,
  })
}
