import { readUrl } from '../core/url.ts'
import { z } from 'zod'

/** One issuer of access tokens that the API believes, and where its tokens carry what we read. */
export type IssuerConfig = {
  readonly issuer: string
  readonly audience: string
  /** Absent: found by OpenID discovery at the issuer. */
  readonly jwksUri?: string | undefined
  readonly algorithms: readonly string[]
  readonly claims: {
    readonly scope: string
    readonly tenant: string
    readonly publisher: string
    readonly subject: string
  }
}

// RFC 7518 §3.1, RFC 8037 and RFC 9864: signatures only, no shared secrets, no "none".
const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

const httpUrl = z.string().refine(isHttpUrl, 'must be an http or https URL')
const claimName = z.string().min(1)

/** The list in `AUTH_ISSUERS`; only asymmetric algorithms are taken. */
export const issuerList = z
  .array(
    z.strictObject({
      issuer: httpUrl,
      audience: z.string().min(1),
      jwksUri: httpUrl.optional(),
      algorithms: z
        .array(
          z.enum(ASYMMETRIC_ALGORITHMS, {
            error: `must be asymmetric: one of ${ASYMMETRIC_ALGORITHMS.join(', ')}`,
          }),
        )
        .min(1)
        .default([...ASYMMETRIC_ALGORITHMS]),
      claims: z
        .strictObject({
          scope: claimName.default('scope'),
          tenant: claimName.default('tenant'),
          publisher: claimName.default('publisher'),
          subject: claimName.default('sub'),
        })
        .prefault({}),
    }),
  )
  .min(1, 'must name at least one issuer')

function isHttpUrl(text: string): boolean {
  return ['http:', 'https:'].includes(readUrl(text)?.protocol ?? '')
}
