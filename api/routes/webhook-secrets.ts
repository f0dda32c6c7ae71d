import { z } from 'zod'
import {
  rotateSecrets,
  SECRET_OVERLAP_MS,
  type EndpointSecrets,
} from '../../core/webhook/endpoint.ts'
import { createWebhookSecret } from '../../crypto/webhook-signature.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction } from '../../db/client.ts'
import { secretsContext } from '../../db/webhook/endpoints.ts'
import { enableSubscription, lockSecrets, saveSecrets } from '../../db/webhook/subscriptions.ts'
import { defineRoute } from '../guard.ts'
import {
  secretExample,
  secretSchema,
  subscriptionExample,
  subscriptionSchema,
} from '../presenters/webhook.ts'
import {
  createEntry,
  NO_SUBSCRIPTION,
  replyWith,
  sealSecrets,
  subscriptionParams,
  subscriptionPath,
  throwNotFound,
  toKey,
  webhookScope,
} from './webhook-subscriptions.ts'

const rotatedSchema = z.object({
  id: z.uuid(),
  secret: secretSchema,
  previousSignsUntil: z.iso.datetime().describe('Until then both secrets sign'),
})

/** `POST /v1/webhook-subscriptions/{id}/rotate`: the next secret. */
export const rotateSubscription = defineRoute(
  {
    method: 'POST',
    path: `${subscriptionPath}/{id}/rotate`,
    operationId: 'rotateWebhookSecret',
    summary: 'Gives a subscription its next secret',
    description: 'For 24 hours every message carries a signature by each of the two.',
    tags: ['webhooks'],
    auth: webhookScope,
    idempotent: true,
    answersSecret: true,
    params: subscriptionParams,
    responses: {
      200: {
        description: 'The next secret, which is not shown again',
        schema: rotatedSchema,
        example: {
          id: subscriptionExample.id,
          secret: secretExample,
          previousSignsUntil: '2026-01-03T03:04:05.678Z',
        },
      },
    },
    errors: { 404: NO_SUBSCRIPTION },
  },
  async ({ principal, params, requestId, settle }, context) => {
    const key = toKey(principal, params.id)
    const { id } = key
    return await withTransaction(context.db, async (tx) => {
      const stored = (await lockSecrets(tx, key)) ?? throwNotFound()
      const text = context.cipher.decrypt(stored, secretsContext(id)).toString('utf8')
      const secret = createWebhookSecret()
      const now = context.clock()
      const next = rotateSecrets(JSON.parse(text) as EndpointSecrets, secret, now) // as it was sealed
      await saveSecrets(tx, id, sealSecrets(context, id, next))
      await appendAudit(tx, [createEntry(principal, { action: 'rotated', id, requestId })])
      const previousSignsUntil = new Date(now.getTime() + SECRET_OVERLAP_MS).toISOString()
      return await settle(tx, { status: 200, body: { id, secret, previousSignsUntil } })
    })
  },
)

/** `POST /v1/webhook-subscriptions/{id}/enable`: lets a disabled one hear of events again. */
export const enableOwnSubscription = defineRoute(
  {
    method: 'POST',
    path: `${subscriptionPath}/{id}/enable`,
    operationId: 'enableWebhookSubscription',
    summary: 'Enables a disabled subscription',
    description:
      'It hears of what happens from now on; what failed before is in its deliveries and can be ' +
      'replayed. An active one stays as it is.',
    tags: ['webhooks'],
    auth: webhookScope,
    params: subscriptionParams,
    responses: {
      200: {
        description: 'The subscription',
        schema: subscriptionSchema,
        example: subscriptionExample,
        headers: { ETag: 'Its version' },
      },
    },
    errors: { 404: NO_SUBSCRIPTION },
  },
  async ({ principal, params, requestId }, { db }) => {
    const key = toKey(principal, params.id)
    return await withTransaction(db, async (tx) => {
      const subscription = (await enableSubscription(tx, key)) ?? throwNotFound()
      await appendAudit(tx, [createEntry(principal, { action: 'enabled', id: key.id, requestId })])
      return replyWith(subscription)
    })
  },
)
