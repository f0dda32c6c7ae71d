import { constants, sign as signBytes, verify as verifyBytes, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { isSameJson } from '../core/profile/change.ts'
import type { Attribute, PublisherName } from '../core/profile/document.ts'

/** A private key of a publisher. */
export type AttributeSigner = { readonly name: PublisherName; readonly key: KeyObject }

type Unsigned = Omit<Attribute, 'signature'> & Partial<Pick<Attribute, 'signature'>>

const HEADER = Buffer.from('{"typ":"JWT","alg":"RS256"}').toString('base64url')
const HASH = 'sha256'
const padding = constants.RSA_PKCS1_PADDING
const MAX_SIGNATURE_LENGTH = 512 * 1024

const signInPool = promisify(signBytes)

/**
 * Signs an attribute for a publisher: a compact JWS (RFC 7515, RS256) whose payload is the attribute
 * without its signature. The work is done off the event loop.
 */
export async function signAttribute(
  attribute: Unsigned,
  { name, key }: AttributeSigner,
): Promise<Attribute> {
  const { signature: _, ...payload } = attribute
  const input = `${HEADER}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
  const bytes = await signInPool(HASH, Buffer.from(input), { key, padding })
  const value = `${input}.${bytes.toString('base64url')}`
  return {
    ...payload,
    signature: {
      publisher: { alg: 'RS256', typ: 'JWS', name, value },
      additional: [{ alg: 'RS256', typ: 'JWS', name: null, value: '' }],
    },
  }
}

/**
 * True when the attribute's publisher signature is an RS256 JWS of one of these keys over this very
 * attribute: payloads are compared parsed, since publishers write them in different ways.
 */
export function isSignedBy(attribute: Attribute, keys: readonly KeyObject[]): boolean {
  const { signature, ...payload } = attribute
  const { value } = signature.publisher
  const parts = value.length > MAX_SIGNATURE_LENGTH ? [] : value.split('.')
  const [header = '', body = '', bytes = ''] = parts
  if (parts.length !== 3 || !isRs256(header)) return false
  if (!isSameJson(parsePart(body), payload)) return false
  const input = Buffer.from(`${header}.${body}`)
  const signed = Buffer.from(bytes, 'base64url')
  return keys.some((key) => verifyBytes(HASH, input, { key, padding }, signed))
}

// RFC 7515 §4: what a header says of keys is never believed, an extension is never understood.
function isRs256(header: string): boolean {
  const parsed = parsePart(header)
  if (typeof parsed !== 'object' || parsed === null || Object.hasOwn(parsed, 'crit')) return false
  return Object.hasOwn(parsed, 'alg') && (parsed as { alg: unknown }).alg === 'RS256'
}

function parsePart(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
