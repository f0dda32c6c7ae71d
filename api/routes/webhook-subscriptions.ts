import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { EndpointSecrets } from '../../core/webhook/endpoint.ts'
import { attributeName, eventPattern } from '../../core/webhook/interest-schema.ts'
import { createWebhookSecret } from '../../crypto/webhook-signature.ts'
import { appendAudit } from '../../db/audit.ts'
import { withTransaction, type Queryable } from '../../db/client.ts'
import { secretsContext } from '../../db/webhook/endpoints.ts'
import {
  deleteSubscription,
  findSubscription,
  insertSubscription,
  listSubscriptions,
  type Subscription,
  type SubscriptionKey,
} from '../../db/webhook/subscriptions.ts'
import type { ApiContext } from '../context.ts'
import { createEtag } from '../etag.ts'
import { defineRoute, type Reply } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import {
  presentSubscription,
  secretExample,
  secretSchema,
  subscriptionExample,
  subscriptionSchema,
} from '../presenters/webhook.ts'
import { principalKey, type Principal } from '../principal.ts'

/** Who subscribes. */
export const webhookScope = { anyScope: ['webhook:write'] } as const
/** The path of one subscription. */
export const subscriptionParams = z.object({ id: z.uuid() })
/** When a subscription is not found. */
export const NO_SUBSCRIPTION = 'There is no such subscription, or it is somebody else’s'
export const subscriptionPath = '/v1/webhook-subscriptions'

const MAX_PER_OWNER = 100
const MAX_URL_LENGTH = 2048
const LIST = 'webhook-subscriptions'
const position = z.object({ createdAt: z.iso.datetime(), id: z.uuid() })

const subscriptionBody = z.strictObject({
  url: z.string().min(1).max(MAX_URL_LENGTH).describe('http or https, on the public Internet'),
  events: z
    .array(eventPattern)
    .min(1)
    .max(20)
    .describe('`create`, `update`, `delete` of persons; types of CloudEvents, or `license.*`'),
  attributes: z
    .array(attributeName)
    .min(1)
    .max(60)
    .optional()
    .describe('Hear of persons only when one of these changes; all unless said'),
})

/** `POST /v1/webhook-subscriptions`: has events sent to an address. */
export const postSubscription = defineRoute(
  {
    method: 'POST',
    path: subscriptionPath,
    operationId: 'createWebhookSubscription',
    summary: 'Subscribes an address to events',
    description:
      'What the address hears of is what the scopes of this token show: of persons the names of ' +
      'attributes that it may read, of licenses the compacts and jurisdictions that it may see.',
    tags: ['webhooks'],
    auth: webhookScope,
    idempotent: true,
    answersSecret: true,
    body: {
      kind: 'json',
      schema: subscriptionBody,
      example: {
        url: subscriptionExample.url,
        events: subscriptionExample.events,
        attributes: subscriptionExample.attributes,
      },
    },
    responses: {
      201: {
        description: 'The subscription, and its secret, which is not shown again',
        schema: subscriptionSchema.extend({ secret: secretSchema }),
        example: { ...subscriptionExample, secret: secretExample },
        headers: { Location: 'The subscription', ETag: 'Its version' },
      },
    },
    errors: {
      409: `The caller has ${MAX_PER_OWNER} subscriptions already`,
      422: 'A field breaks a rule, or the address must not be called: it is private, or holds credentials',
    },
  },
  async ({ principal, body, requestId, settle }, context) => {
    await assertCallable(context, body.url)
    const id = randomUUID()
    const secret = createWebhookSecret()
    return await withTransaction(context.db, async (tx) => {
      const created = await insertSubscription(
        tx,
        {
          ...body,
          id,
          owner: principalKey(principal),
          attributes: body.attributes,
          scopes: [...principal.scopes],
          tenant: principal.tenant,
          secretsCipher: sealSecrets(context, id, { current: secret, previous: [] }),
        },
        { maxPerOwner: MAX_PER_OWNER },
      )
      if (!created) throwTooMany()
      await appendAudit(tx, [createEntry(principal, { action: 'created', id, requestId })])
      const { body: subscription, headers } = replyWith(created)
      const Location = `${subscriptionPath}/${id}`
      const shown = { ...(subscription as object), secret } // a presented subscription
      return await settle(tx, { status: 201, headers: { ...headers, Location }, body: shown })
    })
  },
)

/** `GET /v1/webhook-subscriptions`: the caller's own. */
export const listOwnSubscriptions = defineRoute(
  {
    method: 'GET',
    path: subscriptionPath,
    operationId: 'listWebhookSubscriptions',
    summary: "The caller's subscriptions, oldest first",
    tags: ['webhooks'],
    auth: webhookScope,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page of subscriptions',
        schema: pageOf(subscriptionSchema),
        example: { items: [subscriptionExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
  },
  async ({ principal, query, url }, { db, cursors }) => {
    const owner = principalKey(principal)
    const scope = `${LIST} ${owner}`
    const after = query.cursor ? position.parse(cursors.open(scope, query.cursor)) : undefined
    const found = await listSubscriptions(db, { owner, after, limit: query.limit + 1 })
    const { items, last } = cutPage(found, query.limit)
    const next =
      last && cursors.sign(scope, { createdAt: last.createdAt.toISOString(), id: last.id })
    return replyWithPage(url, { items: items.map(presentSubscription), next })
  },
)

/** `GET /v1/webhook-subscriptions/{id}`. */
export const getSubscription = defineRoute(
  {
    method: 'GET',
    path: `${subscriptionPath}/{id}`,
    operationId: 'getWebhookSubscription',
    summary: 'One subscription',
    tags: ['webhooks'],
    auth: webhookScope,
    params: subscriptionParams,
    responses: {
      200: {
        description: 'The subscription, without its secret',
        schema: subscriptionSchema,
        example: subscriptionExample,
        headers: { ETag: 'Its version' },
      },
    },
    errors: { 404: NO_SUBSCRIPTION },
  },
  async ({ principal, params }, { db }) =>
    replyWith(await getOwnSubscription(db, toKey(principal, params.id))),
)

/** `DELETE /v1/webhook-subscriptions/{id}`: ends it, with what waits for it. */
export const deleteOwnSubscription = defineRoute(
  {
    method: 'DELETE',
    path: `${subscriptionPath}/{id}`,
    operationId: 'deleteWebhookSubscription',
    summary: 'Ends a subscription',
    description: 'What waits for it is dropped; one message may still be on its way.',
    tags: ['webhooks'],
    auth: webhookScope,
    params: subscriptionParams,
    responses: { 204: { description: 'It is gone' } },
    errors: { 404: NO_SUBSCRIPTION },
  },
  async ({ principal, params, requestId }, { db }) => {
    const key = toKey(principal, params.id)
    await withTransaction(db, async (tx) => {
      if (!(await deleteSubscription(tx, key))) throwNotFound()
      await appendAudit(tx, [createEntry(principal, { action: 'deleted', id: key.id, requestId })])
    })
    return { status: 204 }
  },
)

/** Whose subscription it must be. */
export function toKey(principal: Principal, id: string): SubscriptionKey {
  return { id, owner: principalKey(principal) }
}

/** The caller's subscription; throws `not_found` (404), for somebody else's too. */
export async function getOwnSubscription(
  db: Queryable,
  key: SubscriptionKey,
): Promise<Subscription> {
  return (await findSubscription(db, key)) ?? throwNotFound()
}

/** Ends a request for a subscription that is not there, or not the caller's. */
export function throwNotFound(): never {
  throw new AppError('not_found', 'Cannot find this webhook subscription', { status: 404 })
}

/** The answer with a subscription and its version. */
export function replyWith(subscription: Subscription): Reply {
  return {
    status: 200,
    headers: { ETag: createEtag(subscription.version) },
    body: presentSubscription(subscription),
  }
}

/** The cipher of a subscription's secrets. */
export function sealSecrets(
  { cipher }: Pick<ApiContext, 'cipher'>,
  id: string,
  secrets: EndpointSecrets,
): Buffer {
  return cipher.encrypt(JSON.stringify(secrets), secretsContext(id))
}

type Entry = { readonly action: string; readonly id: string; readonly requestId: string }

/** The audit entry of something done to a subscription. */
export function createEntry(
  principal: Principal,
  { action, id, requestId }: Entry,
): Parameters<typeof appendAudit>[1][number] {
  return {
    actor: principal.subject,
    action: `webhook-subscription.${action}`,
    subject: { type: 'webhook-subscription', id },
    cause: { requestId },
  }
}

// The address is judged again before every call; whoever subscribes is told at once.
async function assertCallable({ http }: Pick<ApiContext, 'http'>, url: string): Promise<void> {
  try {
    await http.assertCallable(url)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new AppError('invalid_body', 'Cannot take this body: some fields break a rule', {
      status: 422,
      details: { errors: [{ pointer: '/url', code: error.code, detail: error.message }] },
    })
  }
}

function throwTooMany(): never {
  throw new AppError(
    'too_many_subscriptions',
    `Cannot subscribe again: end one of your ${MAX_PER_OWNER} subscriptions first`,
    { status: 409 },
  )
}
