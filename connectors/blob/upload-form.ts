import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { KeyRing } from '../../crypto/key-ring.ts'
import type { FormClaims } from './blob-store.ts'

const policySchema = z.object({
  expiration: z.iso.datetime(),
  key: z.string(),
  contentType: z.string(),
  maxBytes: z.int().positive(),
})

const SIGNED_FIELDS = ['key', 'policy', 'signature']
// S3 takes these beside the signed ones: the type, and which 2xx the caller wants.
const FREE_FIELDS = ['content-type', 'success_action_status']

/** The fields of a form of ours: the policy in base64 and its HMAC-SHA-256 by the key ring. */
export function signForm(
  ring: KeyRing,
  claims: FormClaims & { readonly expiresAt: Date },
): Record<string, string> {
  const { expiresAt, ...rest } = claims
  const document = JSON.stringify({ expiration: expiresAt.toISOString(), ...rest })
  const policy = Buffer.from(document).toString('base64')
  const signature = createSignature(ring, ring.currentId, policy)
  return { key: claims.key, policy, signature: `${ring.currentId}.${signature}` }
}

/** What the fields of a form allow; names are lower case. Throws `form_altered` or `form_expired`. */
export function openForm(
  ring: KeyRing,
  fields: ReadonlyMap<string, string>,
  now: Date,
): FormClaims {
  for (const name of fields.keys()) {
    if (!SIGNED_FIELDS.includes(name) && !FREE_FIELDS.includes(name)) throwAltered()
  }
  const policy = fields.get('policy') ?? ''
  if (!isSigned(ring, policy, fields.get('signature') ?? '')) throwAltered()
  const { expiration, ...claims } = policySchema.parse(
    JSON.parse(Buffer.from(policy, 'base64').toString()),
  )
  if (fields.get('key') !== claims.key) throwAltered()
  if (now.getTime() >= Date.parse(expiration)) throwExpired()
  return claims
}

function isSigned(ring: KeyRing, policy: string, signature: string): boolean {
  const split = signature.lastIndexOf('.')
  const keyId = signature.slice(0, Math.max(split, 0))
  if (!ring.ids.includes(keyId)) return false
  const given = Buffer.from(signature.slice(split + 1))
  const expected = Buffer.from(createSignature(ring, keyId, policy))
  return given.length === expected.length && timingSafeEqual(given, expected)
}

function createSignature(ring: KeyRing, keyId: string, policy: string): string {
  return createHmac('sha256', ring.derive('upload-form', keyId)).update(policy).digest('base64url')
}

function throwAltered(): never {
  throw new AppError(
    'form_altered',
    'Cannot take the upload: send the fields of the form unchanged, then "Content-Type", then "file"',
    { status: 403 },
  )
}

function throwExpired(): never {
  throw new AppError(
    'form_expired',
    'Cannot take the upload: the form has expired, get a new one',
    {
      status: 403,
    },
  )
}
