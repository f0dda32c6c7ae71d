import { z } from 'zod'
import { parseTarget } from '../connectors/http/target.ts'
import { AppError } from '../core/errors.ts'
import type { WebhookSink } from '../core/webhook/endpoint.ts'
import { toEventPattern } from '../core/webhook/events.ts'
import { attributeName, eventPattern } from '../core/webhook/interest-schema.ts'

const settings = z.strictObject({
  name: z.string(),
  kind: z.literal('webhook'),
  url: z.string().superRefine(assertTarget),
  secret: z.string().min(1),
  events: z.array(eventPattern).min(1),
  attributes: z.array(attributeName).min(1).optional(),
  // PUBLIC alone, whichever audience the person chose.
  scope: z.string().default('display:all'),
  bearerToken: z.string().min(1).optional(),
})

/** The settings of a sink of kind webhook, secrets resolved; throws a ZodError with every fault. */
export function parseWebhookSink(value: unknown): WebhookSink {
  const { name, url, secret, events, attributes, scope, bearerToken } = settings.parse(value)
  return {
    name,
    url,
    secret,
    events: events.map(toEventPattern),
    attributes,
    scopes: new Set(scope.split(' ').filter((one) => one !== '')),
    bearerToken,
  }
}

function assertTarget(text: string, context: z.RefinementCtx): void {
  try {
    parseTarget(text)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
  }
}
