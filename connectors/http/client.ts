import type { Logger } from '../../config/log.ts'
import { AppError } from '../../core/errors.ts'
import { closeAgents, createAgents } from './agents.ts'
import { exchange, type HttpAnswer, type HttpRequest } from './exchange.ts'
import { createLookup, onlyPublic, resolveWithSystem, type Resolve } from './lookup.ts'
import { assertPublicLiteral, hostOf, parseTarget } from './target.ts'

/** Calls other systems, over connections that are kept for the next call. */
export type HttpClient = {
  /**
   * Sends one request. Throws an AppError that names the host and no more of the address:
   * `invalid_target` and `target_refused` (400, nothing was sent), `target_unreachable` and
   * `tls_failed` (502), `target_timeout` (504), `answer_too_large` (502), `call_aborted` (503).
   */
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>
  /** Throws as `send` does for an address that it would not call; a name that is unknown now passes. */
  readonly assertCallable: (url: string) => Promise<void>
  readonly close: () => void
}

export type HttpClientOptions = {
  /** Lets every address be called; for development. */
  readonly allowPrivateTargets: boolean
  readonly log: Logger
  /** The system's resolver unless said. */
  readonly resolve?: Resolve
  /** The certificates to trust, as PEM, instead of the well-known ones. */
  readonly ca?: string
}

/**
 * Creates the client, on `node:http` alone: its agents take the one hook that matters here, between
 * resolving a name and connecting. Warns when private addresses may be called.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { allowPrivateTargets, log, ca, resolve = resolveWithSystem } = options
  if (allowPrivateTargets) {
    log.warn('Private addresses may be called: ALLOW_PRIVATE_TARGETS is for development only')
  }
  const resolvePublic = onlyPublic(resolve)
  const open = createAgents(createLookup(resolve), ca)
  const guarded = createAgents(createLookup(resolvePublic), ca)
  return {
    async send(request) {
      const url = parseTarget(request.url)
      if (allowPrivateTargets || request.isTrusted) return await exchange(url, request, open)
      assertPublicLiteral(url)
      return await exchange(url, request, guarded)
    },
    async assertCallable(text) {
      const url = parseTarget(text)
      if (allowPrivateTargets) return
      assertPublicLiteral(url)
      await resolvePublic(hostOf(url)).catch((error: unknown) => {
        if (error instanceof AppError) throw error
      })
    },
    close() {
      closeAgents(open)
      closeAgents(guarded)
    },
  }
}
