import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import type { TokenVerifier } from './context.ts'
import type { RouteAuth } from './guard.ts'
import { hasAnyScope, type Principal } from './principal.ts'
import { assertWithinRate, type RateLimiter } from './rate-limit.ts'

// RFC 6749 §3.3
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i
const ANY_BEARER = /^bearer +(\S+) *$/i

export type AuthenticationOptions = {
  readonly tokens: TokenVerifier
  /** Failures per address. */
  readonly failures: RateLimiter
}

export type Credentials = {
  readonly authorization: string | undefined
  /** A token from a session cookie; counts only without the header. */
  readonly cookieToken: string | undefined
  readonly address: string
}

/**
 * The principal of a request by its bearer token (RFC 6750). Throws 401 with `WWW-Authenticate`,
 * or 429 once an address failed too often.
 */
export async function authenticate(
  credentials: Credentials,
  options: AuthenticationOptions,
): Promise<Principal> {
  try {
    return await options.tokens.verify(readToken(credentials))
  } catch (error) {
    if (!(error instanceof AppError) || error.status !== 401) throw error
    assertWithinRate(options.failures, credentials.address)
    throwUnauthorized(error.code, error.message, error.details['reason'])
  }
}

/**
 * Throws 401 unless an identity provider presents the shared secret as bearer, or 429 once its
 * address failed too often; without a configured secret nobody does.
 */
export function assertTokenHook(
  credentials: Omit<Credentials, 'cookieToken'>,
  options: Pick<AuthenticationOptions, 'failures'> & { readonly secret: string | undefined },
): void {
  const { authorization = '', address } = credentials
  const given = ANY_BEARER.exec(authorization)?.[1]
  const { secret } = options
  if (secret !== undefined && given !== undefined && isSame(given, secret)) return
  assertWithinRate(options.failures, address)
  if (given === undefined) {
    throwUnauthorized('missing_token', 'Cannot answer without the secret of the token hooks')
  }
  throwUnauthorized(
    'invalid_token',
    'Cannot accept this secret: send TOKEN_HOOK_SECRET, as this service has it, as Bearer',
  )
}

// Digests are of one length, as the comparison in constant time needs.
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return a !== undefined && b !== undefined && timingSafeEqual(a, b)
}

function readToken({ authorization, cookieToken }: Credentials): string {
  const given = authorization === undefined ? cookieToken : BEARER.exec(authorization)?.[1]
  if (given !== undefined) return given
  if (authorization === undefined) {
    throwUnauthorized('missing_token', 'Cannot answer without an access token: send one as Bearer')
  }
  throwUnauthorized(
    'invalid_token',
    'Cannot read the Authorization header: send "Bearer <token>"',
    'header',
  )
}

/** Throws `not_found` (404) unless the path's `tenantId` is the principal's own. */
export function assertTenant(
  { tenant }: Principal,
  params: Readonly<Record<string, unknown>>,
): void {
  if (tenant !== undefined && tenant === params['tenantId']) return
  throw new AppError('not_found', 'Cannot find what this path names', { status: 404 })
}

/** Throws `insufficient_scope` (403) unless the principal may call an operation of this kind. */
export function assertScope(
  principal: Principal,
  auth: Exclude<RouteAuth, 'public' | 'token-hook'>,
  params: Readonly<Record<string, unknown>>,
): void {
  if (auth === 'token') return
  const scopes = auth.anyScope.map((template) => fillTemplate(template, params))
  if (hasAnyScope(principal, scopes)) return
  const wanted = scopes.map((scope) => `"${scope}"`).join(' or ')
  throw new AppError(
    'insufficient_scope',
    `Cannot do this with your access token: it needs the scope ${wanted}`,
    { status: 403, details: { headers: { 'WWW-Authenticate': createScopeChallenge(scopes) } } },
  )
}

function createScopeChallenge(scopes: readonly string[]): string {
  // What came from the path may hold characters that a header cannot.
  const printable = scopes.filter((scope) => SCOPE_TOKEN.test(scope)).join(' ')
  const scope = printable === '' ? '' : `, scope="${printable}"`
  return `Bearer error="insufficient_scope"${scope}`
}

function fillTemplate(template: string, params: Readonly<Record<string, unknown>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(params[name]))
}

function throwUnauthorized(code: string, message: string, reason?: unknown): never {
  const challenge = code === 'missing_token' ? 'Bearer' : `Bearer error="${code}"`
  throw new AppError(code, message, {
    status: 401,
    details: { headers: { 'WWW-Authenticate': challenge }, reason },
  })
}
