import { z } from 'zod'
import type { Delivery, Subscription } from '../../db/webhook/subscriptions.ts'

export const subscriptionSchema = z.object({
  id: z.uuid(),
  url: z.string(),
  events: z.array(z.string()),
  attributes: z.array(z.string()).optional(),
  state: z.enum(['active', 'disabled']),
  disabledReason: z
    .enum(['gone', 'failing'])
    .optional()
    .describe('`gone`: a 410; `failing`: five days of nothing but failures'),
  failingSince: z.iso.datetime().optional().describe('The first failure since the last success'),
  createdAt: z.iso.datetime(),
})

export const subscriptionExample = {
  id: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  url: 'https://rp.example/hooks/registrar',
  events: ['create', 'update', 'delete'],
  attributes: ['first_name', 'staff_information'],
  state: 'active',
  createdAt: '2026-01-02T03:04:05.678Z',
} as const

export const secretSchema = z
  .string()
  .describe('Signs what is sent (Standard Webhooks); shown here and never again')
export const secretExample = 'whsec_2vT0dXdQ0N2yqk0rG3r5k7vJc1hY0mB8aZ4eW6uS9pI='

export const deliverySchema = z.object({
  id: z.uuid().describe('The `webhook-id` of every attempt'),
  type: z.string(),
  serial: z.int().optional().describe('Of the change, where the event is about a person'),
  state: z.enum(['pending', 'succeeded', 'failed', 'superseded']),
  attempts: z.int(),
  error: z.object({ code: z.string() }).optional().describe('What the last attempt came to'),
  createdAt: z.iso.datetime(),
  nextAttemptAt: z.iso.datetime().optional(),
  settledAt: z.iso.datetime().optional(),
})

export const deliveryExample = {
  id: '01990a5e-2f7c-7000-8000-5f1f0c2a9b77',
  type: 'profile.update',
  serial: 4711,
  state: 'pending',
  attempts: 2,
  error: { code: 'http_500' },
  createdAt: '2026-01-02T03:04:05.678Z',
  nextAttemptAt: '2026-01-02T03:09:11.000Z',
} as const

/** A subscription, never with its secret. */
export function presentSubscription(
  subscription: Subscription,
): z.output<typeof subscriptionSchema> {
  const { id, url, events, attributes, state, disabledReason, failingSince } = subscription
  return {
    id,
    url,
    events: [...events],
    ...(attributes && { attributes: [...attributes] }),
    state,
    ...(disabledReason && { disabledReason }),
    ...(failingSince && { failingSince: failingSince.toISOString() }),
    createdAt: subscription.createdAt.toISOString(),
  }
}

/** A delivery, never with what it says. */
export function presentDelivery(delivery: Delivery): z.output<typeof deliverySchema> {
  const { id, type, serial, state, attempts, errorCode, nextAttemptAt, settledAt } = delivery
  return {
    id,
    type,
    ...(serial === null ? {} : { serial }),
    state,
    attempts,
    ...(errorCode === null ? {} : { error: { code: errorCode } }),
    createdAt: delivery.createdAt.toISOString(),
    ...(state === 'pending' ? { nextAttemptAt: nextAttemptAt.toISOString() } : {}),
    ...(settledAt && { settledAt: settledAt.toISOString() }),
  }
}
