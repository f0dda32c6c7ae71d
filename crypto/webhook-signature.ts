import { createHmac, randomBytes } from 'node:crypto'

export type WebhookMessage = {
  /** The same for every attempt. */
  readonly id: string
  readonly sentAt: Date
  readonly body: string
}

const PREFIX = 'whsec_'
const SECRET_BYTES = 32
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
const MS_PER_SECOND = 1_000

/** A new signing secret: `whsec_` and 32 random bytes in base64. */
export function createWebhookSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`
}

/**
 * The headers of the Standard Webhooks specification: id, time and a `v1` signature (HMAC-SHA-256)
 * by each of the secrets, so that receivers may hold any of them.
 */
export function signWebhook(
  message: WebhookMessage,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const timestamp = Math.floor(message.sentAt.getTime() / MS_PER_SECOND)
  const content = `${message.id}.${timestamp}.${message.body}`
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', toKey(secret)).update(content).digest('base64')}`,
  )
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}

// The libraries read secrets as base64, with or without the prefix; any other text is the key itself.
function toKey(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
  return BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.from(text)
}
