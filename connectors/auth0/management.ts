import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { assertSuccess, findRetryAfter, parseJson } from '../http/answer.ts'
import type { HttpClient } from '../http/client.ts'
import type { HttpAnswer } from '../http/exchange.ts'

export type Auth0Options = {
  /** Such as `https://tenant.auth0.com`. */
  readonly baseUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** Of the Management API; `<baseUrl>/api/v2/` unless said. */
  readonly audience?: string | undefined
  readonly http: HttpClient
  readonly nowMs: () => number
}

export type ManagementRequest = {
  readonly method: 'GET' | 'POST' | 'PATCH'
  /** Below `/api/v2`. */
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal
}

export type Auth0Management = {
  /**
   * Sends one call of the Management API v2 with a token that is kept, and answers its JSON;
   * undefined for a 404. Throws `http_<status>` (4xx is final), `rate_limited` (429, until the
   * limit is reset) and 502 for credentials that are refused: those can be mended.
   */
  readonly call: (request: ManagementRequest) => Promise<unknown>
}

type Token = { readonly value: string; readonly untilMs: number }

// Renewed this long before it ends, or at half its life where that is shorter.
const LEAD_MS = 300_000
const SECONDS = 1_000

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })

/** A client of Auth0's Management API v2, with client credentials (RFC 6749 §4.4). */
export function createAuth0Management(options: Auth0Options): Auth0Management {
  const baseUrl = options.baseUrl.replace(/\/+$/, '')
  let token: Promise<Token> | undefined
  const getToken = async (): Promise<string> => {
    const known = await token?.catch(() => undefined)
    if (!known || known.untilMs <= options.nowMs()) token = fetchToken(options, baseUrl)
    return (await (token ?? fetchToken(options, baseUrl))).value
  }
  const send = async (request: ManagementRequest): Promise<HttpAnswer> => {
    const { method, path, body, signal } = request
    return await options.http.send({
      url: `${baseUrl}/api/v2${path}`,
      method,
      isTrusted: true,
      headers: {
        authorization: `Bearer ${await getToken()}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  }
  return {
    async call(request) {
      let answer = await send(request)
      if (answer.status === 401) {
        token = undefined
        answer = await send(request)
      }
      return readAnswer(answer, options.nowMs())
    },
  }
}

async function fetchToken(options: Auth0Options, baseUrl: string): Promise<Token> {
  const { clientId, clientSecret, audience = `${baseUrl}/api/v2/`, http, nowMs } = options
  const answer = await http.send({
    url: `${baseUrl}/oauth/token`,
    method: 'POST',
    isTrusted: true,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      audience,
    }),
  })
  assertCredentials(answer)
  assertRate(answer, nowMs())
  assertSuccess(answer, 'get a token of Auth0')
  const parsed = tokenAnswer.safeParse(parseJson(answer, 'get a token of Auth0'))
  if (!parsed.success) throwInvalid()
  const lifeMs = parsed.data.expires_in * SECONDS
  const untilMs = nowMs() + Math.max(lifeMs - LEAD_MS, lifeMs / 2)
  return { value: parsed.data.access_token, untilMs }
}

function readAnswer(answer: HttpAnswer, nowMs: number): unknown {
  if (answer.status === 404) return undefined
  assertCredentials(answer)
  assertRate(answer, nowMs)
  assertSuccess(answer, 'call Auth0')
  return parseJson(answer, 'call Auth0')
}

// Not the change's fault: it waits until somebody has mended the client.
function assertCredentials({ status }: HttpAnswer): void {
  if (status !== 401 && status !== 403) return
  throw new AppError(
    'credentials_refused',
    `Cannot call Auth0: it refuses the client with ${status}, mend its secret or its grants`,
    { status: 502 },
  )
}

function assertRate(answer: HttpAnswer, nowMs: number): void {
  if (answer.status !== 429) return
  const resetSeconds = Number(answer.headers['x-ratelimit-reset'])
  const waitSeconds = Number.isFinite(resetSeconds)
    ? resetSeconds - nowMs / SECONDS
    : (findRetryAfter(answer, new Date(nowMs)) ?? 1)
  throw new AppError('rate_limited', 'Cannot call Auth0 now: its rate limit is used up', {
    status: 429,
    retryAfterSeconds: Math.min(Math.max(Math.ceil(waitSeconds), 1), 60),
  })
}

function throwInvalid(): never {
  throw new AppError(
    'invalid_answer',
    'Cannot get a token of Auth0: its answer is not of its form',
    {
      status: 502,
    },
  )
}
