import { createHmac, randomBytes } from 'node:crypto'
import type { Authorization } from '../roster/caller.ts'
import { encodeRfc3986 } from './percent-encoding.ts'

export type SignatureMethod = 'HMAC-SHA1' | 'HMAC-SHA256'

export type SignedRequest = {
  readonly method: string
  /** The exact address that is requested; all parameters of its query are signed. */
  readonly url: string
  /** Those of the protocol (RFC 5849 §3.1), and of a form that is sent. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

export type Consumer = {
  readonly consumerKey: string
  readonly consumerSecret: string
  readonly signatureMethod: SignatureMethod
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/** Signs every request anew, so that one that was refused is signed once more. */
export function createOauth1Authorization(consumer: Consumer, nowMs: () => number): Authorization {
  return {
    async authorize(url) {
      const nonce = randomBytes(16).toString('base64url')
      const timestampSeconds = Math.floor(nowMs() / 1_000)
      const authorization = createOauth1Header(consumer, { url, nonce, timestampSeconds })
      return await Promise.resolve({ authorization })
    },
    renew: () => true,
  }
}

/** The `Authorization` header of a GET by a consumer without a token (RFC 5849 §3.5.1). */
export function createOauth1Header(
  consumer: Consumer,
  request: { readonly url: string; readonly nonce: string; readonly timestampSeconds: number },
): string {
  const protocol: [string, string][] = [
    ['oauth_consumer_key', consumer.consumerKey],
    ['oauth_nonce', request.nonce],
    ['oauth_signature_method', consumer.signatureMethod],
    ['oauth_timestamp', String(request.timestampSeconds)],
    ['oauth_version', '1.0'],
  ]
  const base = createSignatureBase({ method: 'GET', url: request.url, parameters: protocol })
  const signature = signOauth1(base, consumer)
  const pairs = [...protocol, ['oauth_signature', signature] as const]
  const written = pairs.map(([name, value]) => `${name}="${encodeRfc3986(value)}"`)
  return `OAuth ${written.join(', ')}`
}

/** The signature base string (RFC 5849 §3.4.1). */
export function createSignatureBase({ method, url, parameters }: SignedRequest): string {
  const target = new URL(url)
  const pairs = [...target.searchParams, ...parameters]
    .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
    .toSorted((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
  const normalized = pairs.map(([name, value]) => `${name}=${value}`).join('&')
  const parts = [method.toUpperCase(), toBaseUri(target), normalized]
  return parts.map(encodeRfc3986).join('&')
}

/** The signature of a base string, in Base64 (RFC 5849 §3.4.2; SHA-256 as OneRoster has it). */
export function signOauth1(
  base: string,
  {
    consumerSecret,
    tokenSecret = '',
    signatureMethod,
  }: Pick<Consumer, 'consumerSecret' | 'signatureMethod'> & { readonly tokenSecret?: string },
): string {
  const key = `${encodeRfc3986(consumerSecret)}&${encodeRfc3986(tokenSecret)}`
  const hash = signatureMethod === 'HMAC-SHA1' ? 'sha1' : 'sha256'
  return createHmac(hash, key).update(base).digest('base64')
}

function toBaseUri({ protocol, hostname, port, pathname }: URL): string {
  const isDefault = port === '' || port === DEFAULT_PORTS[protocol]
  return `${protocol}//${hostname}${isDefault ? '' : `:${port}`}${pathname}`
}

// By bytes: both are ASCII.
function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
