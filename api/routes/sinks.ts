import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { createEndpointWake } from '../../core/webhook/workflow.ts'
import { withTransaction, type Queryable, type Transaction } from '../../db/client.ts'
import { listSinkStatuses, pauseSink, resumeSink, type SinkStatus } from '../../db/profile/sinks.ts'
import { listWebhookSinkStatuses, reviveSinkEndpoint } from '../../db/webhook/sink-operations.ts'
import { enqueueStart } from '../../db/workflow-starts.ts'
import { sinkSweepWorkflowId, taskQueues, workflowTypes } from '../../workflows/messages.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute, type Route } from '../guard.ts'
import { presentSink, sinkExample, sinkSchema } from '../presenters/sink.ts'

/** The path of one sink. */
export const sinkParams = z.object({ name: z.string() })
/** Who looks after propagation. */
export const propagationScope = { anyScope: ['propagation:write'] } as const

type Sink = ApiContext['config']['sinks'][number]

/** `GET /v1/sinks`: what changes are propagated to, and how far each is. */
export const listSinks = defineRoute(
  {
    method: 'GET',
    path: '/v1/sinks',
    operationId: 'listSinks',
    summary: 'The sinks and how far each is',
    tags: ['propagation'],
    auth: propagationScope,
    responses: {
      200: {
        description: 'Every configured sink',
        schema: z.object({ items: z.array(sinkSchema), next: z.null() }),
        example: { items: [sinkExample], next: null },
      },
    },
  },
  async (_, { config, db }) => {
    const statuses = await listStatuses(db, config.sinks)
    const items = config.sinks.map((sink) => presentSink(sink, statuses.get(sink.name)))
    return { status: 200, body: { items, next: null } }
  },
)

/** `POST /v1/sinks/{name}/pause`: holds a sink back; its changes wait. */
export const postSinkPause = defineSwitch('pause', {
  operationId: 'pauseSink',
  summary: 'Holds a sink back',
  description: 'Deliveries under way end; everything else waits, however long, until the resume.',
  async change(tx, { sink, actor }) {
    return (await pauseSink(tx, sink.name, actor)) ? [] : undefined
  },
})

/** `POST /v1/sinks/{name}/resume`: lets a sink go on, and brings it what waited. */
export const postSinkResume = defineSwitch('resume', {
  operationId: 'resumeSink',
  summary: 'Lets a sink go on',
  description:
    'What waited is brought to it by a sweep, person by person. A webhook that was disabled is ' +
    'tried again.',
  async change(tx, { sink, requestId }) {
    const isResumed = await resumeSink(tx, sink.name)
    if (sink.kind === 'webhook') return await resumeWebhook(tx, { sink, isResumed, requestId })
    return isResumed ? [createSweep(sink.name, requestId)] : undefined
  },
})

/** The configured sink; throws `not_found` (404). */
export function getSink({ config }: Pick<ApiContext, 'config'>, name: string): Sink {
  const sink = config.sinks.find((known) => known.name === name)
  if (sink) return sink
  throw new AppError('not_found', `Cannot find sink "${name}"`, { status: 404 })
}

// The workflow that brings a sink what it lacks; asked for again while it runs, it is the same one.
function createSweep(sink: string, requestId: string): Sweep {
  return {
    workflowId: `${sinkSweepWorkflowId(sink)}:${requestId}`,
    workflowType: workflowTypes.sinkSweep,
    taskQueue: taskQueues.registrar,
    input: { sink },
    summary: `Brings ${sink} what it lacks`,
    requestId,
    searchAttributes: { RegistrarDomain: 'profile' },
  }
}

type Resumed = { readonly sink: Sink; readonly isResumed: boolean; readonly requestId: string }

async function resumeWebhook(
  tx: Transaction,
  { sink, isResumed, requestId }: Resumed,
): Promise<readonly Sweep[] | undefined> {
  const endpoint = await reviveSinkEndpoint(tx, sink.name)
  if (!isResumed && endpoint?.wasDisabled !== true) return undefined
  return endpoint ? [createEndpointWake(endpoint.id, requestId)] : []
}

async function listStatuses(
  db: Queryable,
  sinks: readonly Sink[],
): Promise<ReadonlyMap<string, SinkStatus>> {
  const names = (isWebhook: boolean): string[] =>
    sinks.filter(({ kind }) => (kind === 'webhook') === isWebhook).map(({ name }) => name)
  const statuses = [
    ...(await listSinkStatuses(db, names(false))),
    ...(await listWebhookSinkStatuses(db, names(true))),
  ]
  return new Map(statuses.map((status) => [status.sink, status]))
}

type Sweep = Parameters<typeof enqueueStart>[1]

type Switch = {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  /** Undefined: it was so already. */
  readonly change: (
    tx: Transaction,
    request: { readonly sink: Sink; readonly actor: string; readonly requestId: string },
  ) => Promise<readonly Sweep[] | undefined>
}

function defineSwitch(name: 'pause' | 'resume', { change, ...texts }: Switch): Route {
  return defineRoute(
    {
      ...texts,
      method: 'POST',
      path: `/v1/sinks/{name}/${name}`,
      tags: ['propagation'],
      auth: propagationScope,
      params: sinkParams,
      responses: {
        200: { description: 'The sink as it is now', schema: sinkSchema, example: sinkExample },
      },
      errors: { 404: 'There is no such sink' },
    },
    async ({ principal, params, requestId }, context) => {
      const sink = getSink(context, params.name)
      const actor = principal.subject
      const queued = await withTransaction(context.db, async (tx) => {
        const starts = await change(tx, { sink, actor, requestId })
        if (!starts) return []
        const subject = { type: 'sink', id: sink.name }
        await appendAudit(tx, [{ actor, action: `sink.${name}d`, subject, cause: { requestId } }])
        return await Promise.all(
          starts.map(async (start) => ({ id: await enqueueStart(tx, start), start })),
        )
      })
      for (const { id, start } of queued) void context.handOver(id, start)
      const statuses = await listStatuses(context.db, [sink])
      return { status: 200, body: presentSink(sink, statuses.get(sink.name)) }
    },
  )
}
