import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { createWebhookSecret, signWebhook } from '../../crypto/webhook-signature.ts'

const body = '{"operation":"update","id":"ad|Mozilla-LDAP|naïve"}'

function sign(secrets: readonly string[], sentAt = new Date()): Record<string, string> {
  return { ...signWebhook({ id: 'msg-1', sentAt, body }, secrets) }
}

test('signWebhook() makes what the official library verifies', () => {
  const secret = createWebhookSecret()
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(new Webhook(secret).verify(body, sign([secret]))).toEqual(JSON.parse(body))
})

test('signWebhook() signs as the library does', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const sentAt = new Date('2026-01-02T03:04:05Z')
  const headers = sign([secret], sentAt)
  expect(headers['webhook-signature']).toBe(new Webhook(secret).sign('msg-1', sentAt, body))
  expect(headers['webhook-timestamp']).toBe('1767323045')
  expect(headers['webhook-id']).toBe('msg-1')
})

test('signWebhook() with two secrets is verified by either, and by no other', () => {
  const [old, next] = [createWebhookSecret(), createWebhookSecret()]
  const headers = sign([next, old])
  expect(new Webhook(old).verify(body, headers)).toEqual(JSON.parse(body))
  expect(new Webhook(next).verify(body, headers)).toEqual(JSON.parse(body))
  expect(() => new Webhook(createWebhookSecret()).verify(body, headers)).toThrow(
    WebhookVerificationError,
  )
})

test('a signature fits neither another body nor another time', () => {
  const secret = createWebhookSecret()
  const headers = sign([secret])
  expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow(WebhookVerificationError)
  const later = {
    ...headers,
    'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1),
  }
  expect(() => new Webhook(secret).verify(body, later)).toThrow(WebhookVerificationError)
})

test.each([
  ['base64 without the prefix', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', undefined],
  ['any other text', 'not base64: a pass-phrase', { format: 'raw' as const }],
])('a configured secret may be %s', (_, secret, options) => {
  expect(new Webhook(secret, options).verify(body, sign([secret]))).toEqual(JSON.parse(body))
})
