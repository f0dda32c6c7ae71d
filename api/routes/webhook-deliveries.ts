import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { wakeEndpoints } from '../../db/webhook/endpoints.ts'
import {
  findDelivery,
  listDeliveries,
  replayDelivery,
  type Delivery,
  type SubscriptionKey,
} from '../../db/webhook/subscriptions.ts'
import type { ApiContext } from '../context.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import { deliveryExample, deliverySchema, presentDelivery } from '../presenters/webhook.ts'
import type { Principal } from '../principal.ts'
import {
  createEntry,
  getOwnSubscription,
  NO_SUBSCRIPTION,
  subscriptionParams,
  subscriptionPath,
  toKey,
  webhookScope,
} from './webhook-subscriptions.ts'

const position = z.object({ before: z.int() })
const deliveryId = z.uuid()
const NO_DELIVERY = 'There is no such delivery, or its subscription is somebody else’s'
const RETRY_AFTER_SECONDS = 1

const replaySpec = {
  method: 'POST',
  summary: 'Sends a delivery once more',
  description:
    'With the same `webhook-id` and the same bytes, newly signed, and as many attempts as at first.',
  tags: ['webhooks'],
  auth: webhookScope,
  responses: {
    202: {
      description: 'It waits for its next attempt',
      schema: deliverySchema,
      example: { ...deliveryExample, attempts: 0, error: undefined },
      headers: { Location: 'The delivery', 'Retry-After': 'Seconds' },
    },
  },
  errors: {
    404: NO_DELIVERY,
    409: 'It waits already, its subscription is disabled, or something newer of the same person has been sent',
  },
} as const

/** `GET /v1/webhook-subscriptions/{id}/deliveries`: what was sent, newest first. */
export const listOwnDeliveries = defineRoute(
  {
    method: 'GET',
    path: `${subscriptionPath}/{id}/deliveries`,
    operationId: 'listWebhookDeliveries',
    summary: 'What was sent to a subscription, and what waits, newest first',
    description:
      '`failed` are its dead letters. Deliveries that arrived are kept for 30 days, without what they said.',
    tags: ['webhooks'],
    auth: webhookScope,
    params: subscriptionParams,
    query: z.object({
      ...pageQuery,
      state: z.enum(['pending', 'succeeded', 'failed', 'superseded']).optional(),
    }),
    responses: {
      200: {
        description: 'A page of deliveries',
        schema: pageOf(deliverySchema),
        example: { items: [deliveryExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: NO_SUBSCRIPTION },
  },
  async ({ principal, params, query, url }, { db, cursors }) => {
    const { id } = await getOwnSubscription(db, toKey(principal, params.id))
    const { state, limit } = query
    const scope = `webhook-deliveries ${id} ${state ?? ''}`
    const before = query.cursor
      ? position.parse(cursors.open(scope, query.cursor)).before
      : undefined
    const found = await listDeliveries(db, { endpointId: id, state, before, limit: limit + 1 })
    const { items, last } = cutPage(found, limit)
    return replyWithPage(url, {
      items: items.map(presentDelivery),
      next: last && cursors.sign(scope, { before: last.position }),
    })
  },
)

/** `GET /v1/webhook-subscriptions/{id}/deliveries/{deliveryId}`. */
export const getOwnDelivery = defineRoute(
  {
    method: 'GET',
    path: `${subscriptionPath}/{id}/deliveries/{deliveryId}`,
    operationId: 'getWebhookDelivery',
    summary: 'How far one delivery is',
    tags: ['webhooks'],
    auth: webhookScope,
    params: subscriptionParams.extend({ deliveryId }),
    responses: {
      200: {
        description: 'The delivery; `Retry-After` while it waits',
        schema: deliverySchema,
        example: deliveryExample,
      },
    },
    errors: { 404: NO_DELIVERY },
  },
  async ({ principal, params }, { db }) => {
    const delivery = await findDelivery(db, toKey(principal, params.deliveryId))
    if (delivery?.endpointId !== params.id) throwNotFound()
    const isOpen = delivery.state === 'pending'
    const headers = isOpen ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {}
    return { status: 200, headers, body: presentDelivery(delivery) }
  },
)

/** `POST /v1/webhook-subscriptions/deliveries/{deliveryId}/replay`. */
export const replayAnyDelivery = defineRoute(
  {
    ...replaySpec,
    path: `${subscriptionPath}/deliveries/{deliveryId}/replay`,
    operationId: 'replayWebhookDelivery',
    params: z.object({ deliveryId }),
  },
  async ({ principal, params, requestId }, context) =>
    await replay(context, { principal, requestId, key: toKey(principal, params.deliveryId) }),
)

/** The same below its subscription. */
export const replayOwnDelivery = defineRoute(
  {
    ...replaySpec,
    path: `${subscriptionPath}/{id}/deliveries/{deliveryId}/replay`,
    operationId: 'replayWebhookDeliveryOfSubscription',
    params: subscriptionParams.extend({ deliveryId }),
  },
  async ({ principal, params, requestId }, context) => {
    const key = toKey(principal, params.deliveryId)
    const delivery = await findDelivery(context.db, key)
    if (delivery?.endpointId !== params.id) throwNotFound()
    return await replay(context, { principal, requestId, key })
  },
)

type Replay = {
  readonly principal: Principal
  readonly requestId: string
  readonly key: SubscriptionKey
}

async function replay(context: ApiContext, { principal, requestId, key }: Replay): Promise<Reply> {
  const { delivery, wakes } = await withTransaction(context.db, async (tx) => {
    const found = (await findDelivery(tx, key)) ?? throwNotFound()
    const subscription = await getOwnSubscription(tx, { ...key, id: found.endpointId })
    if (subscription.state === 'disabled') throwDisabled()
    const replayed = (await replayDelivery(tx, found.id)) ?? throwConflict(found)
    const id = found.endpointId
    await appendAudit(tx, [createEntry(principal, { action: 'replayed', id, requestId })])
    return { delivery: replayed, wakes: await wakeEndpoints(tx, [id], requestId) }
  })
  for (const { id, start } of wakes) void context.handOver(id, start)
  return {
    status: 202,
    headers: {
      Location: `${subscriptionPath}/${delivery.endpointId}/deliveries/${delivery.id}`,
      'Retry-After': String(RETRY_AFTER_SECONDS),
    },
    body: presentDelivery(delivery),
  }
}

function throwNotFound(): never {
  throw new AppError('not_found', 'Cannot find this webhook delivery', { status: 404 })
}

function throwDisabled(): never {
  throw new AppError(
    'subscription_disabled',
    'Cannot replay this delivery: its subscription is disabled, enable it first',
    { status: 409 },
  )
}

function throwConflict({ state }: Delivery): never {
  if (state === 'pending') {
    const message = 'Cannot replay this delivery: it waits for its next attempt already'
    throw new AppError('delivery_pending', message, { status: 409 })
  }
  throw new AppError(
    'delivery_superseded',
    'Cannot replay this delivery: something newer of the same person was sent after it',
    { status: 409 },
  )
}
