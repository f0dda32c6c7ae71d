import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import { publisherNames, type PublisherName } from '../core/profile/document.ts'
import type { AttributeSigner } from './profile-signature.ts'

/** A JWK (RFC 7517) of a publisher; `nbf` and `exp`, in seconds, bound the time in which it counts. */
export type PublisherJwk = Readonly<Record<string, unknown>> & { readonly kty: string }

/** The document in `PUBLISHERS_FILE`. */
export type PublishersDocument = {
  /** Goes into the uuid of every person: it must never change. */
  readonly salt: string
  readonly publishers: Readonly<
    Record<string, { readonly jwks: { readonly keys: readonly PublisherJwk[] } }>
  >
}

/** Who may publish, with which keys. */
export type Publishers = {
  readonly salt: string
  /** The public keys with which a publisher's signatures are verified at an instant. */
  readonly keysOf: (name: PublisherName, at: Date) => readonly KeyObject[]
  /** Its public keys, whether they count now or not. */
  readonly allKeysOf: (name: PublisherName) => readonly KeyObject[]
  /** The publisher's first private key that counts at an instant. */
  readonly findSigner: (name: PublisherName, at: Date) => AttributeSigner | undefined
  /** Public JWKS (RFC 7517 §5) by publisher, as they are served. */
  readonly publicJwks: Readonly<Record<string, { readonly keys: readonly PublisherJwk[] }>>
}

type Key = {
  readonly jwk: PublisherJwk
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject | undefined
  readonly fromMs: number
  readonly untilMs: number
}

const MODULUS_BITS = 2048
const SALT_BYTES = 32
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth']

const generate = promisify(generateKeyPair)

/** Every reason why a document cannot be used; empty when it can. Quotes no key. */
export function listPublishersFaults(document: unknown): string[] {
  if (!isObject(document)) return ['is no JSON object']
  const { salt, publishers, ...others } = document
  const faults = Object.keys(others).map((name) => `has an unknown member "${name}"`)
  if (typeof salt !== 'string' || salt === '') faults.push('has no salt')
  if (!isObject(publishers)) return [...faults, 'has no publishers']
  for (const [name, publisher] of Object.entries(publishers)) {
    faults.push(...listPublisherFaults(name, publisher))
  }
  if (!isObject(publishers['cis'])) faults.push('has no publisher "cis"')
  return faults
}

/** Reads a document without faults. */
export function createPublishers(document: PublishersDocument): Publishers {
  const entries = Object.entries(document.publishers)
  const keys = new Map(entries.map(([name, { jwks }]) => [name, jwks.keys.map(readKey)]))
  const validAt = (name: PublisherName, at: Date): Key[] => {
    const nowMs = at.getTime()
    return (keys.get(name) ?? []).filter((key) => key.fromMs <= nowMs && nowMs < key.untilMs)
  }
  return {
    salt: document.salt,
    keysOf: (name, at) => validAt(name, at).map(({ publicKey }) => publicKey),
    allKeysOf: (name) => (keys.get(name) ?? []).map(({ publicKey }) => publicKey),
    findSigner(name, at) {
      const key = validAt(name, at).find(({ privateKey }) => privateKey)?.privateKey
      return key && { name, key }
    },
    publicJwks: Object.fromEntries(
      entries.map(([name, { jwks }]) => [name, { keys: jwks.keys.map(dropPrivateMembers) }]),
    ),
  }
}

/** A document with a salt and a key pair for every publisher, for a machine that was given none. */
export async function generatePublishersDocument(): Promise<PublishersDocument> {
  const publishers = await Promise.all(
    publisherNames.map(async (name) => {
      const { privateKey } = await generate('rsa', { modulusLength: MODULUS_BITS })
      const jwk = { ...privateKey.export({ format: 'jwk' }), kid: name, alg: 'RS256', use: 'sig' }
      return [name, { jwks: { keys: [jwk as PublisherJwk] } }] as const // of an RSA key
    }),
  )
  const salt = randomBytes(SALT_BYTES).toString('base64url')
  return { salt, publishers: Object.fromEntries(publishers) }
}

function listPublisherFaults(name: string, publisher: unknown): string[] {
  const known: readonly string[] = publisherNames
  if (!known.includes(name)) return [`names "${name}", which is none of ${known.join(', ')}`]
  const jwks = isObject(publisher) ? publisher['jwks'] : undefined
  const keys = isObject(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(keys) || keys.length === 0) return [`has no keys for "${name}"`]
  const faults = keys.flatMap((jwk, index) => {
    const fault = findKeyFault(jwk)
    return fault === undefined ? [] : [`has a key ${index + 1} of "${name}" that ${fault}`]
  })
  const canSign = keys.some((jwk) => isObject(jwk) && jwk['d'] !== undefined)
  if (name === 'cis' && !canSign) faults.push('has no private key for "cis"')
  return faults
}

function findKeyFault(jwk: unknown): string | undefined {
  if (!isObject(jwk) || jwk['kty'] !== 'RSA') return 'is no RSA key'
  if (!['nbf', 'exp'].every((name) => jwk[name] === undefined || Number.isFinite(jwk[name])))
    return 'has a time that is no number of seconds'
  try {
    const { publicKey } = readKey(jwk as PublisherJwk) // its type was looked at
    const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0
    return bits < MODULUS_BITS ? `has less than ${MODULUS_BITS} bits` : undefined
  } catch {
    return 'cannot be read'
  }
}

function readKey(jwk: PublisherJwk): Key {
  const { nbf, exp } = jwk
  return {
    jwk,
    publicKey: createPublicKey({ key: dropPrivateMembers(jwk), format: 'jwk' }),
    privateKey: jwk['d'] === undefined ? undefined : createPrivateKey({ key: jwk, format: 'jwk' }),
    fromMs: typeof nbf === 'number' ? nbf * 1000 : -Infinity,
    untilMs: typeof exp === 'number' ? exp * 1000 : Infinity,
  }
}

function dropPrivateMembers(jwk: PublisherJwk): PublisherJwk {
  const members = Object.entries(jwk).filter(([name]) => !PRIVATE_MEMBERS.includes(name))
  return Object.fromEntries(members) as PublisherJwk // `kty` stays
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
