import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { startRosterReconcile, type ReconcileStart } from '../../db/roster/reconcile-start.ts'
import { requestReconcileStop } from '../../db/roster/reconcile-states.ts'
import {
  listRosterDrifts,
  listRosterReconciles,
  type RosterReconcile,
} from '../../db/roster/reconciles.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import {
  presentRosterReconcile,
  rosterDriftExample,
  rosterDriftSchema,
  rosterReconcileExample,
  rosterReconcileSchema,
} from '../presenters/roster-reconcile.ts'
import {
  assertOwnProvider,
  chooseProvider,
  getRosterReconcile,
  NEEDS_PROVIDER,
  NO_PROVIDER,
  NO_REPORT,
  NOT_ITS_PROVIDER,
  readScope,
  reconcileParams,
  syncScope,
  tenantParams,
  throwNotFound,
} from '../roster-access.ts'
import { signalReconcileStop } from '../roster-stop.ts'

const tags = ['rosters']
const position = z.object({ startedAt: z.iso.datetime(), id: z.uuid() })
const driftPosition = rosterDriftSchema.pick({ type: true, kind: true, id: true })

/** `POST /sync/{tenantId}/reconcile`: compares a target with what was applied. */
export const postRosterReconcile = defineRoute(
  {
    method: 'POST',
    path: '/sync/{tenantId}/reconcile',
    operationId: 'reconcileRoster',
    summary: "Compares a provider's target with what was applied",
    description:
      'Reads every account and group of the target, page by page, and reports where it is otherwise ' +
      'than the last runs left it. With `repair` what was applied is written there again; accounts that are ' +
      'not ours are only reported. A run that begins meanwhile ends it (`sync_started`).',
    tags,
    auth: syncScope,
    params: tenantParams,
    ofTenant: true,
    idempotent: true,
    body: {
      kind: 'json',
      optional: true,
      schema: z.strictObject({
        providerId: z.uuid().optional().describe('Needed where the tenant has several'),
        repair: z.boolean().default(false).describe('Also write what was applied again'),
      }),
      example: { providerId: rosterReconcileExample.providerId, repair: true },
    },
    responses: {
      202: {
        description: 'It runs',
        schema: rosterReconcileSchema,
        example: { ...rosterReconcileExample, state: 'running', endedAt: null },
        headers: { Location: 'The report', 'Retry-After': 'Seconds' },
      },
    },
    errors: {
      404: NO_PROVIDER,
      409:
        '`sync_running`: a run is under way, `syncId` names it; `reconcile_running`: a comparison ' +
        'is, `reconcileId` names it; `paused`: the provider pauses, and nothing may be repaired',
      422: NEEDS_PROVIDER,
    },
  },
  async ({ principal, params, body, requestId, traceparent, settle }, context) => {
    const { db, clock, handOver } = context
    const provider = await chooseProvider(db, { ...params, ...body })
    const { reply, queued } = await withTransaction(db, async (tx) => {
      const start = await startRosterReconcile(tx, {
        providerId: provider.id,
        repair: body.repair,
        startedBy: principal.subject,
        requestId,
        traceparent,
        now: clock(),
      })
      if (start.outcome !== 'started') return throwNotStarted(start)
      const answer = await settle(tx, {
        status: 202,
        headers: { Location: locationOf(start.report), 'Retry-After': '1' },
        body: presentRosterReconcile(start.report),
      })
      return { reply: answer, queued: start.queued }
    })
    // Not awaited: the relay takes what Temporal does not.
    void handOver(queued.id, queued.start)
    return reply
  },
)

/** `GET /sync/{tenantId}/reconciles`: a tenant's reports. */
export const listRosterReports = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/reconciles',
    operationId: 'listRosterReconciles',
    summary: "A tenant's reports on targets, the newest first",
    tags,
    auth: readScope,
    params: tenantParams,
    ofTenant: true,
    query: z.object({
      ...pageQuery,
      providerId: z.uuid().optional().describe('Of this provider alone'),
    }),
    responses: {
      200: {
        description: 'A page of reports',
        schema: pageOf(rosterReconcileSchema),
        example: { items: [rosterReconcileExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NOT_ITS_PROVIDER },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const { tenantId: tenant } = params
    const { providerId, cursor, limit } = query
    await assertOwnProvider(db, { ...params, providerId })
    const scope = `roster-reconciles ${tenant} ${providerId ?? ''}`
    const after = cursor ? position.parse(cursors.open(scope, cursor)) : undefined
    const found = await listRosterReconciles(db, { tenant, providerId, after, limit: limit + 1 })
    const { items, last } = cutPage(found, limit)
    const next =
      last && cursors.sign(scope, { startedAt: last.startedAt.toISOString(), id: last.id })
    return replyWithPage(url, { items: items.map(presentRosterReconcile), next })
  },
)

/** `GET /sync/{tenantId}/reconciles/{reconcileId}`: one report. */
export const getRosterReport = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/reconciles/{reconcileId}',
    operationId: 'getRosterReconcile',
    summary: 'A report on a target',
    tags,
    auth: readScope,
    params: reconcileParams,
    ofTenant: true,
    responses: {
      200: {
        description: 'The report; `Retry-After` while it is being written',
        schema: rosterReconcileSchema,
        example: rosterReconcileExample,
      },
    },
    errors: { 404: NO_REPORT },
  },
  async ({ params }, { db }) => {
    const report = await getRosterReconcile(db, params)
    const headers = report.state === 'running' ? { 'Retry-After': '1' } : {}
    return { status: 200, headers, body: presentRosterReconcile(report) }
  },
)

/** `GET /sync/{tenantId}/reconciles/{reconcileId}/drifts`: where the target differs. */
export const listRosterReportDrifts = defineRoute(
  {
    method: 'GET',
    path: '/sync/{tenantId}/reconciles/{reconcileId}/drifts',
    operationId: 'listRosterDrifts',
    summary: 'Where a target differs from what was applied',
    description: 'Ids and names of fields. The first 5,000 are listed; the report counts all.',
    tags,
    auth: readScope,
    params: reconcileParams,
    ofTenant: true,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of accounts and groups',
        schema: pageOf(rosterDriftSchema),
        example: { items: [rosterDriftExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NO_REPORT },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const { id } = await getRosterReconcile(db, params)
    const scope = `roster-drifts ${id}`
    const after = query.cursor ? driftPosition.parse(cursors.open(scope, query.cursor)) : undefined
    const found = await listRosterDrifts(db, { id, after, limit: query.limit + 1 })
    const { items, last } = cutPage(found, query.limit)
    const next = last && cursors.sign(scope, driftPosition.parse(last))
    return replyWithPage(url, { items, next })
  },
)

/** `POST /sync/{tenantId}/reconciles/{reconcileId}/stop`: ends a comparison. */
export const stopRosterReport = defineRoute(
  {
    method: 'POST',
    path: '/sync/{tenantId}/reconciles/{reconcileId}/stop',
    operationId: 'stopRosterReconcile',
    summary: 'Stops a comparison of a target',
    description:
      'It is quiet within seconds, and ends `stopped`. What was repaired stays; another one begins anew.',
    tags,
    auth: syncScope,
    params: reconcileParams,
    ofTenant: true,
    responses: {
      202: {
        description: 'It ends; its state tells when',
        schema: rosterReconcileSchema,
        example: { ...rosterReconcileExample, state: 'running', endedAt: null },
        headers: { Location: 'The report', 'Retry-After': 'Seconds' },
      },
    },
    errors: { 404: NO_REPORT, 409: '`not_running`: it has ended' },
  },
  async ({ principal, params, requestId }, context) => {
    const { db } = context
    const report = await getRosterReconcile(db, params)
    const { id, tenant, providerId } = report
    await withTransaction(db, async (tx) => {
      if (!(await requestReconcileStop(tx, id))) throwNotRunning()
      await appendAudit(tx, [
        {
          actor: principal.subject,
          action: 'roster.reconcile-stop-requested',
          subject: { type: 'roster-provider', id: providerId },
          cause: { requestId, tenant, providerId, reconcileId: id },
        },
      ])
    })
    await signalReconcileStop(context, id)
    const headers = { Location: locationOf(report), 'Retry-After': '1' }
    return { status: 202, headers, body: presentRosterReconcile(report) }
  },
)

function locationOf({ tenant, id }: Pick<RosterReconcile, 'tenant' | 'id'>): string {
  return `/sync/${encodeURIComponent(tenant)}/reconciles/${id}`
}

function throwNotRunning(): never {
  throw new AppError('not_running', 'Cannot stop this: the comparison has ended', { status: 409 })
}

function throwNotStarted(start: Exclude<ReconcileStart, { readonly outcome: 'started' }>): never {
  switch (start.outcome) {
    case 'unknown':
      return throwNotFound()
    case 'running':
      return throwConflict('sync_running', 'a run of the provider is under way', {
        syncId: start.runId,
      })
    case 'reconciling':
      return throwConflict('reconcile_running', 'a comparison of it is under way', {
        reconcileId: start.reconcileId,
      })
    case 'paused':
      return throwConflict('paused', 'the provider pauses, and nothing may be written', {})
    default:
      return start satisfies never
  }
}

function throwConflict(code: string, reason: string, members: object): never {
  throw new AppError(code, `Cannot compare this target: ${reason}`, {
    status: 409,
    details: { members },
  })
}
