import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { HttpAnswer, HttpRequest } from '../http/exchange.ts'
import type { HttpClient } from '../http/client.ts'

/** A token as it was issued, or a role that logs in for one (AppRole). */
export type VaultAuth =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'approle'; readonly roleId: string; readonly secretId: string }

export type VaultOptions = {
  readonly url: string
  readonly auth: VaultAuth
  readonly http: HttpClient
  readonly nowMs: () => number
}

/** Calls a Vault or OpenBao with a token that is kept alive. */
export type VaultSession = {
  /**
   * The body of the answer; undefined for 404 and for an answer without a body. Throws
   * `secrets_refused` and `secrets_unavailable`.
   */
  readonly call: (request: VaultRequest) => Promise<unknown>
}

export type VaultRequest = {
  readonly method: NonNullable<HttpRequest['method']>
  /** Below `/v1/`. */
  readonly path: string
  readonly body?: unknown
}

type Lease = {
  readonly token: string
  /** Renewed or replaced from then on; undefined for a token that does not end. */
  readonly renewAtMs: number | undefined
}

const TIMEOUT_MS = 5_000
const FORBIDDEN = 403
const NOT_FOUND = 404

const loginAnswer = z.object({
  auth: z.object({ client_token: z.string().min(1), lease_duration: z.number() }),
})
const lookupAnswer = z.object({ data: z.object({ ttl: z.number(), renewable: z.boolean() }) })
const renewAnswer = z.object({ auth: z.object({ lease_duration: z.number() }) })

/**
 * A session that logs in when it is first needed, renews its token when half of its time is over, and
 * as a role logs in anew once it is refused.
 */
export function createVaultSession(options: VaultOptions): VaultSession {
  let lease: Promise<Lease> | undefined
  const begin = async (): Promise<Lease> => {
    const begun = logIn(options)
    lease = begun
    begun.catch(() => {
      if (lease === begun) lease = undefined
    })
    return await begun
  }
  const getLease = async (): Promise<Lease> => {
    const known = lease ? await lease : await begin()
    if (known.renewAtMs === undefined || options.nowMs() < known.renewAtMs) return known
    const renewed = await renew(options, known)
    if (!renewed) return await begin()
    lease = Promise.resolve(renewed)
    return renewed
  }
  return {
    async call(request) {
      const answer = await send(options, request, (await getLease()).token)
      if (answer.status !== FORBIDDEN || options.auth.kind === 'token') return readBody(answer)
      return readBody(await send(options, request, (await begin()).token))
    },
  }
}

async function logIn(options: VaultOptions): Promise<Lease> {
  const { auth } = options
  if (auth.kind === 'token') return await lookUp(options, auth.token)
  const answer = await send(options, {
    method: 'POST',
    path: 'auth/approle/login',
    body: { role_id: auth.roleId, secret_id: auth.secretId },
  })
  // A wrong role or secret id is answered with 400.
  if (answer.status >= 400 && answer.status < 500) throwRefused(answer.status)
  const { client_token: token, lease_duration: seconds } = parse(loginAnswer, readBody(answer)).auth
  return createLease(token, seconds, options)
}

async function lookUp(options: VaultOptions, token: string): Promise<Lease> {
  const request = { method: 'GET', path: 'auth/token/lookup-self' } as const
  const answer = await send(options, request, token)
  const { ttl, renewable } = parse(lookupAnswer, readBody(answer)).data
  return createLease(token, renewable ? ttl : 0, options)
}

async function renew(options: VaultOptions, { token }: Lease): Promise<Lease | undefined> {
  const request = { method: 'POST', path: 'auth/token/renew-self', body: {} } as const
  const answer = await send(options, request, token)
  if (answer.status >= 400 && answer.status < 500) return undefined
  return createLease(token, parse(renewAnswer, readBody(answer)).auth.lease_duration, options)
}

function createLease(token: string, seconds: number, { nowMs }: VaultOptions): Lease {
  return { token, renewAtMs: seconds > 0 ? nowMs() + seconds * 500 : undefined }
}

async function send(
  { url, http }: VaultOptions,
  { method, path, body }: VaultRequest,
  token?: string,
): Promise<HttpAnswer> {
  try {
    return await http.send({
      url: `${url.replace(/\/+$/, '')}/v1/${path}`,
      method,
      isTrusted: true,
      timeoutMs: TIMEOUT_MS,
      headers: {
        'X-Vault-Request': 'true',
        ...(token !== undefined && { 'X-Vault-Token': token }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    const reason = error instanceof AppError ? error.code : 'unexpected'
    throwUnavailable(`(${reason})`, error)
  }
}

function readBody({ status, body }: HttpAnswer): unknown {
  if (status === NOT_FOUND) return undefined
  if (status === FORBIDDEN) throwRefused(status)
  if (status < 200 || status >= 300) throwUnavailable(`: it answers ${status}`)
  if (body.length === 0) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throwUnavailable(': its answer is not JSON', cause)
  }
}

/** The answer in its documented form; throws `secrets_unavailable` where it has another. */
export function parse<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer)
  return parsed.success ? parsed.data : throwUnavailable(': its answer is of an unknown form')
}

function throwRefused(status: number): never {
  throw new AppError(
    'secrets_refused',
    `Cannot use the store of secrets: it refuses the token or the role (${status}); correct VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, and let their policy cover VAULT_MOUNT`,
    { status: 500, expose: true },
  )
}

function throwUnavailable(reason: string, cause?: unknown): never {
  throw new AppError(
    'secrets_unavailable',
    `Cannot reach the store of secrets that VAULT_URL names ${reason}`.replace(' :', ':'),
    { status: 503, expose: true, cause },
  )
}
