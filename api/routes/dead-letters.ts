import { z } from 'zod'
import { listLanes, type Lane } from '../../core/profile/lanes.ts'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Transaction } from '../../db/client.ts'
import { requestPropagation, type QueuedPropagation } from '../../db/profile/propagation.ts'
import { listDeadLetters, redriveDeadLetters, type RedriveFilter } from '../../db/profile/sinks.ts'
import { wakeEndpoints, type QueuedWake } from '../../db/webhook/endpoints.ts'
import { supersedeOlder } from '../../db/webhook/queue.ts'
import { redriveDeliveries } from '../../db/webhook/sink-operations.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { deadLetterExample, deadLetterSchema, presentDeadLetter } from '../presenters/sink.ts'
import { getSink, propagationScope } from './sinks.ts'

const MAX_REDRIVEN = 10_000

const position = z.object({ at: z.iso.datetime(), id: z.uuid() })
const redriven = z.object({ redriven: z.int() })

/** `GET /v1/dead-letters`: changes that did not reach a sink, oldest first. */
export const getDeadLetters = defineRoute(
  {
    method: 'GET',
    path: '/v1/dead-letters',
    operationId: 'listDeadLetters',
    summary: 'Changes that did not reach a sink',
    tags: ['propagation'],
    auth: propagationScope,
    query: z.object({ ...pageQuery, sink: z.string().min(1).optional() }),
    responses: {
      200: {
        description: 'A page of dead letters',
        schema: pageOf(deadLetterSchema),
        example: { items: [deadLetterExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ query, url }, { db, cursors }) => {
    const scope = `dead-letters ${query.sink ?? ''}`
    const after = query.cursor ? position.parse(cursors.open(scope, query.cursor)) : undefined
    const found = await listDeadLetters(db, { sink: query.sink, after, limit: query.limit + 1 })
    const { items, last } = cutPage(found, query.limit)
    return replyWithPage(url, {
      items: items.map(presentDeadLetter),
      next: last && cursors.sign(scope, { at: last.at.toISOString(), id: last.id }),
    })
  },
)

/** `POST /v1/dead-letters/{id}/redrive`: tries one again, for another 24 hours. */
export const postRedrive = defineRoute(
  {
    method: 'POST',
    path: '/v1/dead-letters/{id}/redrive',
    operationId: 'redriveDeadLetter',
    summary: 'Tries one change again',
    description: "The person's newest state is brought there, in which the change is contained.",
    tags: ['propagation'],
    auth: propagationScope,
    params: z.object({ id: z.uuid() }),
    responses: {
      202: { description: 'It is tried', schema: redriven, example: { redriven: 1 } },
    },
    errors: {
      404: 'There is no such dead letter',
      409: '`sink_not_configured`: its sink is no longer in `SINKS_FILE`',
    },
  },
  async ({ principal, params, requestId }, context) => {
    const count = await redrive(context, params, { actor: principal.subject, requestId })
    if (count > 0) return { status: 202, body: { redriven: count } }
    throw new AppError('not_found', 'Cannot find this dead letter', { status: 404 })
  },
)

/** `POST /v1/dead-letters/redrive`: tries all of a sink again. */
export const postRedriveAll = defineRoute(
  {
    method: 'POST',
    path: '/v1/dead-letters/redrive',
    operationId: 'redriveDeadLetters',
    summary: "Tries a sink's changes again",
    description: `Up to ${MAX_REDRIVEN} of them: call it again while it answers as many.`,
    tags: ['propagation'],
    auth: propagationScope,
    body: {
      kind: 'json',
      schema: z.strictObject({ sink: z.string().min(1) }),
      example: { sink: 'auth0' },
    },
    responses: {
      202: { description: 'They are tried', schema: redriven, example: { redriven: 12 } },
    },
    errors: { 404: 'There is no such sink' },
  },
  async ({ principal, body, requestId }, context) => {
    getSink(context, body.sink)
    const count = await redrive(context, body, { actor: principal.subject, requestId })
    return { status: 202, body: { redriven: count } }
  },
)

type Redrive = { readonly filter: RedriveFilter; readonly requestId: string }

/** What is to be handed over, and how many dead letters were opened. */
type Opened = {
  readonly count: number
  readonly sink: string | undefined
  readonly queued: readonly (QueuedPropagation | QueuedWake)[]
}

async function redrive(
  context: ApiContext,
  filter: RedriveFilter,
  { actor, requestId }: { readonly actor: string; readonly requestId: string },
): Promise<number> {
  const lanes = listLanes(context.config.sinks)
  const { count, queued } = await withTransaction(context.db, async (tx) => {
    const persons = await openPersons(tx, lanes, { filter, requestId })
    const messages = await openMessages(tx, { filter, requestId })
    const count = persons.count + messages.count
    const sink = persons.sink ?? messages.sink
    if (sink === undefined) return persons
    const subject = { type: 'sink', id: sink }
    const cause = { requestId, persons: count }
    await appendAudit(tx, [{ actor, action: 'dead-letters.redriven', subject, cause }])
    return { count, queued: [...persons.queued, ...messages.queued] }
  })
  const [first] = queued
  // Of many, the relay takes the rest.
  if (first) void context.handOver(first.id, first.start)
  return count
}

async function openPersons(
  tx: Transaction,
  lanes: readonly Lane[],
  { filter, requestId }: Redrive,
): Promise<Opened> {
  const persons = await redriveDeadLetters(tx, filter, MAX_REDRIVEN)
  const queued: QueuedPropagation[] = []
  for (const { sink, ...person } of persons) {
    const lane = lanes.filter((known) => known.sink === sink)
    if (lane.length === 0) throwUnconfigured(sink)
    queued.push(await requestPropagation(tx, { ...person, lanes: lane, requestId }))
  }
  return { count: persons.length, sink: persons[0]?.sink, queued }
}

// Nobody would bring it there, and it would be no dead letter any more.
function throwUnconfigured(sink: string): never {
  throw new AppError(
    'sink_not_configured',
    `Cannot try this again: SINKS_FILE does not have the sink "${sink}" any more`,
    { status: 409 },
  )
}

/** The same for webhooks: their messages are in their endpoints' queues. */
async function openMessages(tx: Transaction, { filter, requestId }: Redrive): Promise<Opened> {
  const redriven = await redriveDeliveries(tx, filter, MAX_REDRIVEN)
  for (const { endpointId } of redriven) await supersedeOlder(tx, { endpointId })
  const endpoints = redriven.map(({ endpointId }) => endpointId)
  return {
    count: redriven.reduce((sum, { count }) => sum + count, 0),
    sink: redriven[0]?.sink,
    queued: await wakeEndpoints(tx, endpoints, requestId),
  }
}
