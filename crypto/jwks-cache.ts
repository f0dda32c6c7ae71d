import { AppError } from '../core/errors.ts'
import { parseJwks, selectKeys, type IssuerKey } from './jwks.ts'
import type { CryptoKey } from 'jose'

/** The verification keys of one issuer. */
export type IssuerKeys = {
  /** Keys that may have signed a token with this header; empty when the issuer has none. */
  readonly find: (header: {
    readonly kid: string | undefined
    readonly alg: string
  }) => Promise<CryptoKey[]>
  /** Resolves when keys are at hand; throws `issuer_unreachable` (503) when they never were. */
  readonly check: () => Promise<void>
}

export type JwksCacheOptions = {
  readonly issuer: string
  /** Fetches the JWKS document. */
  readonly load: () => Promise<unknown>
  readonly nowMs: () => number
  /** Told of fetches that failed while older keys are served. */
  readonly onStale?: (error: unknown) => void
}

const REFRESH_AFTER_MS = 5 * 60_000
const COOL_DOWN_MS = 30_000
const RETRY_AFTER_SECONDS = 5

/**
 * Keeps an issuer's keys: refreshed in the background, served through an outage, and fetched anew
 * for an unknown `kid` at most once per 30 s.
 */
export function createJwksCache(options: JwksCacheOptions): IssuerKeys {
  const { load, nowMs, onStale } = options
  let keys: readonly IssuerKey[] | undefined
  let triedAtMs = 0
  let soughtAtMs = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined

  async function refresh(): Promise<void> {
    triedAtMs = nowMs()
    keys = parseJwks(await load())
  }

  async function refreshOnce(): Promise<void> {
    running ??= refresh().finally(() => {
      running = undefined
    })
    await running
  }

  async function current(): Promise<readonly IssuerKey[]> {
    if (keys === undefined) {
      await refreshOnce().catch((error: unknown) => throwUnreachable(options.issuer, error))
    } else if (nowMs() - triedAtMs > REFRESH_AFTER_MS) {
      // In the background: the keys at hand serve meanwhile.
      void refreshOnce().catch(onStale)
    }
    return keys ?? []
  }

  return {
    async find(header) {
      const found = await selectKeys(await current(), header)
      if (found.length > 0 || nowMs() - soughtAtMs < COOL_DOWN_MS) return found
      soughtAtMs = nowMs()
      await refreshOnce().catch(onStale)
      return await selectKeys(keys ?? [], header)
    },
    async check() {
      await current()
    },
  }
}

/** The same over keys that never change. */
export function createFixedKeys(document: unknown): IssuerKeys {
  const keys = parseJwks(document)
  return {
    find: async (header) => await selectKeys(keys, header),
    check: async () => await Promise.resolve(),
  }
}

function throwUnreachable(issuer: string, cause: unknown): never {
  throw new AppError(
    'issuer_unreachable',
    `Cannot check the token: the keys of issuer "${issuer}" cannot be fetched now`,
    { status: 503, expose: true, retryAfterSeconds: RETRY_AFTER_SECONDS, cause },
  )
}
