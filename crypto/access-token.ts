import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import { AppError } from '../core/errors.ts'
import type { IssuerKeys } from './jwks-cache.ts'

/** An issuer whose tokens are believed: the configured expectations and its keys. */
export type TrustedIssuer = {
  readonly issuer: string
  readonly audience: string
  readonly algorithms: readonly string[]
  /** Names of the claims that we read. */
  readonly claims: {
    readonly scope: string
    readonly tenant: string
    readonly publisher: string
    readonly subject: string
  }
  readonly keys: IssuerKeys
}

export type AccessToken = {
  readonly issuer: string
  readonly subject: string
  readonly scopes: ReadonlySet<string>
  readonly tenant: string | undefined
  readonly publisher: string | undefined
  /** The last moment at which it is good, the leeway included. */
  readonly goodUntilMs: number
}

const MAX_TOKEN_BYTES = 16 * 1024
const LEEWAY_SECONDS = 60
const MAX_SUBJECT_LENGTH = 255
// RFC 9068 §2.1; JWT and absent for issuers that predate it.
const TOKEN_TYPES = new Set(['at+jwt', 'application/at+jwt', 'jwt'])
// They mark an ID token (OpenID Connect Core §2, §3.3.2.11; FAPI).
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash']

/**
 * Verifies a JWT access token (RFC 9068, RFC 8725) of one of the issuers. Throws `invalid_token`
 * (401) with the same message whatever is wrong, and `issuer_unreachable` (503).
 */
export async function verifyAccessToken(
  token: string,
  options: { readonly issuers: readonly TrustedIssuer[]; readonly now: Date },
): Promise<AccessToken> {
  if (token.length > MAX_TOKEN_BYTES) throwInvalid('too_long')
  const header = readHeader(token)
  const issuer = findIssuer(token, options.issuers)
  if (!issuer.algorithms.includes(header.alg)) throwInvalid('algorithm')
  const claims = await verifySignature(token, { header, issuer, now: options.now })
  assertAccessClaims(claims, options.now)
  return readAccessToken(claims, issuer)
}

type Header = { readonly alg: string; readonly kid: string | undefined }

function readHeader(token: string): Header {
  const { alg, kid, typ, crit } = decode(() => decodeProtectedHeader(token))
  if (typeof alg !== 'string') throwInvalid('algorithm')
  if (kid !== undefined && typeof kid !== 'string') throwInvalid('kid')
  if (crit !== undefined) throwInvalid('crit')
  if (typ !== undefined && !(typeof typ === 'string' && TOKEN_TYPES.has(typ.toLowerCase()))) {
    throwInvalid('typ')
  }
  return { alg, kid }
}

function findIssuer(token: string, issuers: readonly TrustedIssuer[]): TrustedIssuer {
  const { iss, aud } = decode(() => decodeJwt(token))
  const audiences = Array.isArray(aud) ? aud : [aud]
  const found = issuers.find(
    ({ issuer, audience }) => issuer === iss && audiences.includes(audience),
  )
  return found ?? throwInvalid('issuer_or_audience')
}

async function verifySignature(
  token: string,
  expected: { readonly header: Header; readonly issuer: TrustedIssuer; readonly now: Date },
): Promise<JWTPayload> {
  const { issuer, header, now } = expected
  for (const key of await issuer.keys.find(header)) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [header.alg],
        issuer: issuer.issuer,
        audience: issuer.audience,
        requiredClaims: ['exp', 'iss', 'aud'],
        clockTolerance: LEEWAY_SECONDS,
        currentDate: now,
      })
      return payload
    } catch (error) {
      // Another key may fit; a wrong claim stays wrong with every key.
      if (error instanceof errors.JWTExpired) throwInvalid('expired', error)
      if (isClaimFault(error)) throwInvalid('claims', error)
    }
  }
  return throwInvalid('signature')
}

function isClaimFault(error: unknown): boolean {
  return error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired
}

function assertAccessClaims(claims: JWTPayload, now: Date): void {
  if (ID_TOKEN_CLAIMS.some((name) => Object.hasOwn(claims, name))) throwInvalid('id_token')
  const use = claims['token_use']
  if (use !== undefined && use !== 'access') throwInvalid('token_use')
  if (!Number.isFinite(claims.exp)) throwInvalid('exp')
  if (claims.iat === undefined) return
  const latest = now.getTime() / 1000 + LEEWAY_SECONDS
  if (typeof claims.iat !== 'number' || claims.iat > latest) throwInvalid('iat')
}

function readAccessToken(claims: JWTPayload, issuer: TrustedIssuer): AccessToken {
  const subject = readText(claims, issuer.claims.subject)
  if (subject === undefined) throwInvalid('subject')
  return {
    issuer: issuer.issuer,
    subject,
    scopes: new Set(readScopes(claims, issuer.claims.scope)),
    tenant: readTenant(claims, issuer.claims.tenant),
    publisher: readText(claims, issuer.claims.publisher),
    goodUntilMs: (Number(claims.exp) + LEEWAY_SECONDS) * 1000,
  }
}

// A tenant that cannot be read must not be taken for none: that would open all of them.
function readTenant(claims: JWTPayload, name: string): string | undefined {
  const tenant = readText(claims, name)
  const isGiven = Object.hasOwn(claims, name) && claims[name] !== null
  if (tenant === undefined && isGiven) throwInvalid('tenant')
  return tenant
}

function readText(claims: JWTPayload, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (typeof value !== 'string' || value === '' || value.length > MAX_SUBJECT_LENGTH)
    return undefined
  return /\p{Cc}/u.test(value) ? undefined : value
}

/** A scope claim is a space-separated string (RFC 8693 §4.2), or a list with some issuers. */
function readScopes(claims: JWTPayload, name: string): string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '')
  if (!Array.isArray(value)) return []
  return value.filter((scope): scope is string => typeof scope === 'string')
}

function decode<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    return throwInvalid('malformed', error)
  }
}

function throwInvalid(reason: string, cause?: unknown): never {
  throw new AppError('invalid_token', 'Cannot accept this access token: get a new one', {
    status: 401,
    details: { reason },
    cause,
  })
}
