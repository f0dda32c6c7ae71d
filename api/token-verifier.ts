import type { Logger } from 'pino'
import { z } from 'zod'
import type { Config } from '../config/config.ts'
import type { HttpClient } from '../connectors/http/client.ts'
import { AppError } from '../core/errors.ts'
import { verifyAccessToken, type AccessToken, type TrustedIssuer } from '../crypto/access-token.ts'
import { createFixedKeys, createJwksCache } from '../crypto/jwks-cache.ts'
import type { KeyRing } from '../crypto/key-ring.ts'
import { createLocalJwks, LOCAL_ALGORITHM, LOCAL_AUDIENCE, LOCAL_ISSUER } from '../crypto/token.ts'
import type { TokenVerifier } from './context.ts'
import { describeForLog } from './error-log.ts'
import { fetchJson } from './fetch-json.ts'

type IssuerConfig = Config['issuers'][number]

export type TokenVerifierOptions = {
  readonly config: Pick<Config, 'issuers' | 'production'>
  readonly keyRing: KeyRing
  readonly http: HttpClient
  readonly log: Logger
  readonly clock: () => Date
}

const KEPT_MS = 30_000
const MAX_KEPT = 2_000
const DISCOVERY_PATH = '/.well-known/openid-configuration'
const discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })

/**
 * Builds the verifier of the configured issuers, or of the local one where there are none. Throws
 * `invalid_configuration` in production without issuers.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const issuers = createIssuers(options)
  const nowMs = (): number => options.clock().getTime()
  return {
    verify: remember(
      async (token) => await verifyAccessToken(token, { issuers, now: options.clock() }),
      nowMs,
    ),
    async check() {
      await Promise.all(issuers.map(async ({ keys }) => await keys.check()))
    },
  }
}

/** Keeps accepted tokens for some seconds: a signature costs more than all else in a small request. */
function remember(
  verify: (token: string) => Promise<AccessToken>,
  nowMs: () => number,
): (token: string) => Promise<AccessToken> {
  const known = new Map<string, { readonly accepted: AccessToken; readonly untilMs: number }>()
  return async (token) => {
    const entry = known.get(token)
    if (entry && nowMs() < entry.untilMs) return entry.accepted
    known.delete(token)
    const accepted = await verify(token)
    known.set(token, { accepted, untilMs: Math.min(accepted.goodUntilMs, nowMs() + KEPT_MS) })
    const oldest = known.size > MAX_KEPT ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
    return accepted
  }
}

function createIssuers(options: TokenVerifierOptions): TrustedIssuer[] {
  const { config, http, log, clock } = options
  if (config.issuers.length === 0) return [createLocalIssuer(options)]
  return config.issuers.map((issuer) => ({
    ...issuer,
    keys: createJwksCache({
      issuer: issuer.issuer,
      load: async () => await fetchJson(http, await findJwksUri(http, issuer)),
      nowMs: () => clock().getTime(),
      onStale: (error) => {
        log.warn(
          { error: describeForLog(error), issuer: issuer.issuer },
          'keys of an issuer not refreshed',
        )
      },
    }),
  }))
}

function createLocalIssuer({ config, keyRing, log }: TokenVerifierOptions): TrustedIssuer {
  if (config.production) {
    throw new AppError(
      'invalid_configuration',
      'Cannot start in production without AUTH_ISSUERS: the local issuer is for development only',
      { status: 500, expose: true },
    )
  }
  log.warn('tokens of the local issuer are accepted; set AUTH_ISSUERS for anything but development')
  return {
    issuer: LOCAL_ISSUER,
    audience: LOCAL_AUDIENCE,
    algorithms: [LOCAL_ALGORITHM],
    claims: { scope: 'scope', tenant: 'tenant', publisher: 'publisher', subject: 'sub' },
    keys: createFixedKeys(createLocalJwks(keyRing)),
  }
}

/** OpenID Connect Discovery 1.0 §4: the document must name the very issuer that was asked. */
async function findJwksUri(http: HttpClient, { issuer, jwksUri }: IssuerConfig): Promise<string> {
  if (jwksUri !== undefined) return jwksUri
  const url = `${issuer.replace(/\/$/, '')}${DISCOVERY_PATH}`
  const document = discovery.parse(await fetchJson(http, url))
  if (document.issuer === issuer) return document.jwks_uri
  throw new AppError('fetch_failed', `Cannot use "${url}": it names another issuer`, {
    status: 503,
  })
}
