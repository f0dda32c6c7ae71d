import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

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

export type ReceivedWebhook = {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As it came. */
  readonly body: Uint8Array
  /** Any of these may have signed. */
  readonly secrets: readonly string[]
  readonly now: Date
}

const TOLERANCE_SECONDS = 300
const ID = /^[!-~]{1,255}$/
const TIMESTAMP = /^\d{1,12}$/

/**
 * The id of a message that one of the secrets has signed within the last or next five minutes;
 * undefined for any other. How long it takes does not depend on the signature.
 */
export function verifyWebhook({
  headers,
  body,
  secrets,
  now,
}: ReceivedWebhook): string | undefined {
  const [id, timestamp, signature] = [
    headers['webhook-id'],
    headers['webhook-timestamp'],
    headers['webhook-signature'],
  ]
  if (typeof id !== 'string' || typeof timestamp !== 'string') return undefined
  if (typeof signature !== 'string' || !ID.test(id) || !TIMESTAMP.test(timestamp)) return undefined
  const given = signature.split(' ').map((part) => Buffer.from(readV1(part), 'base64'))
  let isSigned = false
  for (const secret of secrets) {
    const hmac = createHmac('sha256', toKey(secret)).update(`${id}.${timestamp}.`).update(body)
    const expected = hmac.digest()
    for (const candidate of given) {
      const isSame = candidate.length === expected.length && timingSafeEqual(candidate, expected)
      isSigned ||= isSame
    }
  }
  const ageSeconds = Math.abs(now.getTime() / MS_PER_SECOND - Number(timestamp))
  return isSigned && ageSeconds <= TOLERANCE_SECONDS ? id : undefined
}

function readV1(signature: string): string {
  return signature.startsWith('v1,') ? signature.slice('v1,'.length) : ''
}

// The libraries read secrets as base64, with or without the prefix; any other text is the key itself.
function toKey(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
  return BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.from(text)
}
