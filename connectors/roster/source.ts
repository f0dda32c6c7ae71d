import { AppError } from '../../core/errors.ts'
import { findOneRosterVersion, type SourceAuth } from '../../core/roster/provider.ts'
import type { RosterSource } from '../../core/roster/source.ts'
import { createCleverSource } from '../clever/source.ts'
import { fetchDistrictToken } from '../clever/token.ts'
import type { HttpClient } from '../http/client.ts'
import { createOauth1Authorization } from '../oneroster/oauth1.ts'
import { fetchOauth2Token } from '../oneroster/oauth2.ts'
import { createOneRosterSource } from '../oneroster/source.ts'
import { createStaticAuthorization, createTokenAuthorization } from './authorization.ts'
import { createRosterCaller, type Authorization } from './caller.ts'
import { getSharedLimiter } from './limiter.ts'
import { readAhead } from './read-ahead.ts'
import type { RosterSourceSettings } from './settings.ts'

export type RosterSourceOptions = {
  readonly http: HttpClient
  /** Attempts of a request in all (`MAX_RETRY_ATTEMPTS`), 3 unless said; waits for a rate limit are none. */
  readonly maxAttempts?: number
  /** Before the second attempt, doubled before each further one; 500 ms unless said. */
  readonly retryDelayMs?: number
  readonly nowMs?: () => number
}

type Making = Required<RosterSourceOptions>

const MAX_ATTEMPTS = 3
const RETRY_DELAY_MS = 500
/** Clever's, a minute and token. */
const CLEVER_REQUESTS = 1_200
const CLEVER_RETRIED: ReadonlySet<number> = new Set([500, 502, 503])
const ONEROSTER_RETRIED: ReadonlySet<number> = new Set([502, 503, 504])
const MINUTE_MS = 60_000
const TOKEN_KEPT_MS = 86_400_000

/**
 * The source that a provider's settings speak of. Sources with one credential share its rate limit
 * and its token. Throws `invalid_settings` (422) where the credential is none of the kind.
 */
export function createRosterSource(
  settings: RosterSourceSettings,
  options: RosterSourceOptions,
): RosterSource {
  const making: Making = {
    maxAttempts: MAX_ATTEMPTS,
    retryDelayMs: RETRY_DELAY_MS,
    nowMs: Date.now,
    ...options,
  }
  switch (settings.kind) {
    case 'clever':
      return readAhead(makeClever(settings, making))
    case 'classlink':
    case 'oneroster':
      return readAhead(makeOneRoster(settings, making))
    default:
      return settings.kind satisfies never
  }
}

function makeClever(settings: RosterSourceSettings, making: Making): RosterSource {
  const { baseUrl } = settings
  const credential = describeCredential(settings.auth)
  const limiter = getSharedLimiter(
    { baseUrl, credential },
    { perWindow: CLEVER_REQUESTS, windowMs: MINUTE_MS, nowMs: making.nowMs },
  )
  const authorization = authorizeClever(settings, making)
  const caller = createRosterCaller({ ...making, limiter, authorization, retried: CLEVER_RETRIED })
  return createCleverSource({ baseUrl, caller, nowMs: making.nowMs })
}

function authorizeClever(settings: RosterSourceSettings, making: Making): Authorization {
  const { auth } = settings
  if (auth.type === 'bearer') return createStaticAuthorization(auth.token)
  if (auth.type !== 'client_credentials') throw createUnfit(settings)
  return createTokenAuthorization({
    ...making,
    credential: describeCredential(auth),
    async fetch(signal) {
      const token = await fetchDistrictToken(auth, { http: making.http, signal })
      return { token, untilMs: making.nowMs() + TOKEN_KEPT_MS }
    },
  })
}

function makeOneRoster(settings: RosterSourceSettings, making: Making): RosterSource {
  const { baseUrl } = settings
  const { nowMs } = making
  const credential = describeCredential(settings.auth)
  const caller = createRosterCaller({
    ...making,
    limiter: getSharedLimiter({ baseUrl, credential }, { nowMs }),
    authorization: authorizeOneRoster(settings, making),
    retried: ONEROSTER_RETRIED,
  })
  return createOneRosterSource({ baseUrl, caller, nowMs })
}

function authorizeOneRoster(settings: RosterSourceSettings, making: Making): Authorization {
  const { auth } = settings
  switch (auth.type) {
    case 'bearer':
      return createStaticAuthorization(auth.token)
    case 'oauth1':
      return createOauth1Authorization(auth, making.nowMs)
    case 'oauth2': {
      const { http, nowMs } = making
      return createTokenAuthorization({
        ...making,
        credential: describeCredential(auth),
        fetch: async (signal) =>
          await fetchOauth2Token(
            { auth, version: findOneRosterVersion(settings), http, nowMs },
            signal,
          ),
      })
    }
    case 'client_credentials':
      throw createUnfit(settings)
    default:
      return auth satisfies never
  }
}

function describeCredential(auth: SourceAuth): string {
  return JSON.stringify(Object.entries(auth).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function createUnfit({ kind, auth }: RosterSourceSettings): AppError {
  return new AppError(
    'invalid_settings',
    `Cannot read a source of kind "${kind}" with credentials of type "${auth.type}"`,
    { status: 422 },
  )
}
