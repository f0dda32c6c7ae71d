import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { SourceAuth } from '../../core/roster/provider.ts'
import type { HttpClient } from '../http/client.ts'
import { readObject, throwFailed } from '../roster/answer.ts'
import type { FetchedToken } from '../roster/authorization.ts'
import { encodeQuery, encodeRfc3986 } from './percent-encoding.ts'

export type Oauth2Options = {
  readonly auth: Extract<SourceAuth, { readonly type: 'oauth2' }>
  readonly version: '1.1' | '1.2'
  readonly http: HttpClient
  readonly nowMs: () => number
}

const WHAT = 'get a token of the source'
const SCOPES = {
  '1.1': 'https://purl.imsglobal.org/spec/or/v1p1/scope/roster-core.readonly',
  '1.2': 'https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly',
} as const
const DEFAULT_LIFE_SECONDS = 3_600
// Replaced this long before it ends, or at half its life where that is shorter.
const LEAD_MS = 60_000

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive().catch(DEFAULT_LIFE_SECONDS),
})

/** A token by client credentials (RFC 6749 §4.4); `source_unauthorized` where they are refused. */
export async function fetchOauth2Token(
  { auth, version, http, nowMs }: Oauth2Options,
  signal: AbortSignal,
): Promise<FetchedToken> {
  const { clientId, clientSecret, tokenUrl } = auth
  // Each is form-encoded before they are joined (RFC 6749 §2.3.1).
  const pair = `${encodeRfc3986(clientId)}:${encodeRfc3986(clientSecret)}`
  const answer = await http.send({
    url: tokenUrl,
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    body: encodeQuery({ grant_type: 'client_credentials', scope: SCOPES[version] }),
    signal,
  })
  if ([400, 401, 403].includes(answer.status)) throwRefused(answer.status)
  const parsed = tokenAnswer.safeParse(readObject(answer, WHAT))
  if (!parsed.success) throwFailed(WHAT, 'the answer is not of its form')
  const lifeMs = parsed.data.expires_in * 1_000
  return {
    token: parsed.data.access_token,
    untilMs: nowMs() + Math.max(lifeMs - LEAD_MS, lifeMs / 2),
  }
}

function throwRefused(status: number): never {
  throw new AppError(
    'source_unauthorized',
    `Cannot ${WHAT}: the client's credentials are refused with ${status}`,
    { status: 401 },
  )
}
