import { createHash } from 'node:crypto'
import { AppError, isAppError } from '../../core/errors.ts'
import type { Authorization } from './caller.ts'
import { waitFor } from './limiter.ts'

/** A token and when it is to be replaced at latest. */
export type FetchedToken = { readonly token: string; readonly untilMs: number }

export type TokenOptions = {
  /** What the token depends on, secrets included: a hash of it is kept. */
  readonly credential: string
  readonly fetch: (signal: AbortSignal) => Promise<FetchedToken>
  readonly nowMs: () => number
  readonly maxAttempts: number
  readonly retryDelayMs: number
}

const MAX_KEPT = 1_000
const PASSING: ReadonlySet<string> = new Set([
  'source_failed',
  'target_unreachable',
  'target_timeout',
  'tls_failed',
])
const kept = new Map<string, FetchedToken>()

/** A token that is part of the settings. */
export function createStaticAuthorization(token: string): Authorization {
  const headers = { authorization: `Bearer ${token}` }
  return { authorize: async () => await Promise.resolve(headers), renew: () => false }
}

/** Tokens that are fetched, and kept for all sources of this process that have the same credential. */
export function createTokenAuthorization(options: TokenOptions): Authorization {
  const key = createHash('sha256').update(options.credential).digest('base64url')
  return {
    async authorize(_url, signal) {
      const known = kept.get(key)
      if (known && known.untilMs > options.nowMs()) return toHeaders(known)
      const fetched = await fetchWithRetries(options, signal)
      keep(key, fetched)
      return toHeaders(fetched)
    },
    renew(refused) {
      const known = kept.get(key)
      // Another activity may have looked it up meanwhile.
      if (known && toHeaders(known).authorization === refused['authorization']) kept.delete(key)
      return true
    },
  }
}

async function fetchWithRetries(options: TokenOptions, signal: AbortSignal): Promise<FetchedToken> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await options.fetch(signal)
    } catch (error) {
      if (!isAppError(error) || !PASSING.has(error.code)) throw error
      if (attempt >= options.maxAttempts) throw toSourceError(error)
    }
    await waitFor(options.retryDelayMs * 2 ** (attempt - 1), signal)
  }
}

function toSourceError(error: AppError): AppError {
  if (error.code === 'source_failed') return error
  const message = 'Cannot get a token: the address that gives them does not answer'
  return new AppError('source_unreachable', message, { status: 503, cause: error })
}

function keep(key: string, token: FetchedToken): void {
  kept.delete(key)
  kept.set(key, token)
  const [oldest] = kept.size > MAX_KEPT ? kept.keys() : []
  if (oldest !== undefined) kept.delete(oldest)
}

function toHeaders({ token }: FetchedToken): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` }
}
