import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { listLanes } from '../../core/profile/lanes.ts'
import { appendAudit } from '../../db/audit.ts'
import { getRow, withTransaction } from '../../db/client.ts'
import {
  findLatestReconcile,
  findReconcile,
  insertReconcile,
  listDrifts,
} from '../../db/profile/reconciles.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import { sinkReconcileWorkflowId, taskQueues, workflowTypes } from '../../workflows/messages.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageQuery, replyWithPage } from '../page.ts'
import { presentReconcile, reconcileExample, reconcileSchema } from '../presenters/sink.ts'
import { getSink, propagationScope, sinkParams } from './sinks.ts'

const driftSchema = z.object({
  profileId: z.uuid().describe("The vault's own id of the person"),
  kind: z.enum(['different', 'missing', 'extra', 'failed']),
})
const reconcileParams = z.object({ name: z.string(), reconcileId: z.uuid() })
const position = z.object({ after: z.uuid() })

/** `POST /v1/sinks/{name}/reconcile`: compares a sink with the vault, and repairs it if told to. */
export const postSinkReconcile = defineRoute(
  {
    method: 'POST',
    path: '/v1/sinks/{name}/reconcile',
    operationId: 'reconcileSink',
    summary: 'Compares a sink with the vault',
    description:
      'Reads every person back from the sink, page by page, and reports where it differs. With ' +
      '`repair` what differs is brought there again, by the lanes that bring every change.',
    tags: ['propagation'],
    auth: propagationScope,
    params: sinkParams,
    body: {
      kind: 'json',
      optional: true,
      schema: z.strictObject({ repair: z.boolean().default(false) }),
      example: { repair: false },
    },
    responses: {
      202: {
        description: 'It runs',
        schema: reconcileSchema,
        example: { ...reconcileExample, state: 'running', endedAt: null },
        headers: { Location: 'The report' },
      },
    },
    errors: {
      404: 'There is no such sink',
      409: 'A comparison of this sink is running, or its kind has nothing to compare',
    },
  },
  async ({ principal, params, body, requestId, traceparent }, context) => {
    const sink = getSink(context, params.name)
    const lane = listLanes(context.config.sinks).find((known) => known.sink === sink.name)
    if (!lane) throwConflict('not_comparable', `what is sent to a ${sink.kind} is not kept there`)
    const id = randomUUID()
    const { queued, reconcile, start } = await withTransaction(context.db, async (tx) => {
      const startedBy = principal.subject
      const row = { id, sink: sink.name, repair: body.repair, startedBy }
      const reconcile = await insertReconcile(tx, row)
      if (!reconcile) throwConflict('reconcile_running', 'a comparison of it is running already')
      const start = {
        workflowId: sinkReconcileWorkflowId(id),
        workflowType: workflowTypes.sinkReconcile,
        taskQueue: taskQueues.registrar,
        input: { reconcileId: id, sink: sink.name, queue: lane.queue },
        summary: `Compares ${sink.name} with the vault`,
        requestId,
        traceparent,
        searchAttributes: { RegistrarDomain: 'profile' },
      }
      await appendAudit(tx, [
        {
          actor: startedBy,
          action: 'sink.reconciled',
          subject: { type: 'sink', id: sink.name },
          cause: { requestId, reconcileId: id, repair: String(body.repair) },
        },
      ])
      return { queued: await enqueueStart(tx, start), reconcile, start }
    })
    void context.handOver(queued, start)
    const location = `/v1/sinks/${encodeURIComponent(sink.name)}/reconciles/${id}`
    return { status: 202, headers: { Location: location }, body: presentReconcile(reconcile) }
  },
)

/** `GET /v1/sinks/{name}/reconcile`: the newest report. */
export const getLatestReconcile = defineRoute(
  {
    method: 'GET',
    path: '/v1/sinks/{name}/reconcile',
    operationId: 'getLatestReconcile',
    summary: 'The newest report on a sink',
    tags: ['propagation'],
    auth: propagationScope,
    params: sinkParams,
    responses: {
      200: { description: 'The report', schema: reconcileSchema, example: reconcileExample },
    },
    errors: { 404: 'There is no such sink, or it was never compared' },
  },
  async ({ params }, context) => {
    const { name } = getSink(context, params.name)
    const found = await findLatestReconcile(context.db, name)
    const reconcile = getRow(found ? [found] : [], `Cannot find a comparison of sink "${name}"`)
    return { status: 200, body: presentReconcile(reconcile) }
  },
)

/** `GET /v1/sinks/{name}/reconciles/{reconcileId}`: one report. */
export const getReconcile = defineRoute(
  {
    method: 'GET',
    path: '/v1/sinks/{name}/reconciles/{reconcileId}',
    operationId: 'getReconcile',
    summary: 'A report on a sink',
    tags: ['propagation'],
    auth: propagationScope,
    params: reconcileParams,
    responses: {
      200: { description: 'The report', schema: reconcileSchema, example: reconcileExample },
    },
    errors: { 404: 'There is no such report' },
  },
  async ({ params }, { db }) => {
    const found = await findReconcile(db, { id: params.reconcileId, sink: params.name })
    const reconcile = getRow(found ? [found] : [], 'Cannot find this comparison')
    return { status: 200, body: presentReconcile(reconcile) }
  },
)

/** `GET /v1/sinks/{name}/reconciles/{reconcileId}/drifts`: where it differs. */
export const listReconcileDrifts = defineRoute(
  {
    method: 'GET',
    path: '/v1/sinks/{name}/reconciles/{reconcileId}/drifts',
    operationId: 'listReconcileDrifts',
    summary: 'Where a sink differs',
    tags: ['propagation'],
    auth: propagationScope,
    params: reconcileParams,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of persons',
        schema: z.object({ items: z.array(driftSchema), next: z.string().nullable() }),
        example: {
          items: [{ profileId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42', kind: 'missing' }],
          next: null,
        },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such report' },
  },
  async ({ params, query, url }, { db, cursors }) => {
    const id = params.reconcileId
    const found = await findReconcile(db, { id, sink: params.name })
    getRow(found ? [found] : [], 'Cannot find this comparison')
    const scope = `drifts ${id}`
    const after = query.cursor && position.parse(cursors.open(scope, query.cursor)).after
    const drifts = await listDrifts(db, { id, after, limit: query.limit + 1 })
    const { items, last } = cutPage(drifts, query.limit)
    const next = last && cursors.sign(scope, { after: last.profileId })
    return replyWithPage(url, { items, next })
  },
)

function throwConflict(code: string, reason: string): never {
  throw new AppError(code, `Cannot compare this sink: ${reason}`, { status: 409 })
}
