import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { Queryable } from '../db/client.ts'
import type { ApiContext } from './context.ts'
import type { Principal } from './principal.ts'

export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may call: anybody, an identity provider with the shared secret of the token hooks, any valid
 * token, or a token with one of the scopes. A scope may name path parameters:
 * `{compact}/{jurisdiction}.write`.
 */
export type RouteAuth = 'public' | 'token-hook' | 'token' | { readonly anyScope: readonly string[] }

/** A JSON body that is parsed strictly and checked: a fault of the schema is a 422. */
export type JsonBody<B extends z.ZodType> = {
  readonly kind: 'json'
  readonly schema: B
  readonly example?: unknown
  /** Without a body the schema judges `{}`. */
  readonly optional?: boolean
  /** 1 MiB unless said. */
  readonly limitBytes?: number
}

/** A body that the handler reads itself from `request.stream`. */
export type StreamBody = {
  readonly kind: 'stream'
  readonly contentTypes: readonly string[]
  /** Takes any other type too: what the body says does not matter. */
  readonly anyContentType?: boolean
  readonly description: string
}

export type ResponseDoc = {
  readonly description: string
  /** Of the JSON body; absent for answers without one and for other content types. */
  readonly schema?: z.ZodType
  readonly example?: unknown
  /** `application/json` unless said. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The contract of one operation, from which both its validation and its OpenAPI entry come. */
export type RouteSpec<
  A extends RouteAuth,
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
> = {
  readonly method: RouteMethod
  /** OpenAPI style: `/v1/uploads/{uploadId}`. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly auth: A
  /** A parameter that breaks its rule is a 404: there is nothing under such a path. */
  readonly params?: P
  /** The token's tenant must be `tenantId` of the path; to all others there is nothing under it (404). */
  readonly ofTenant?: boolean
  /** Refuses, by throwing, before query and body are looked at: whom and what the path names. */
  readonly precondition?: (request: PathRequest<z.output<P>>, context: ApiContext) => Promise<void>
  /**
   * A fault is a 400; unknown names are refused on writes and ignored on reads. What is a list in
   * the schema may be given more than once.
   */
  readonly query?: Q
  /** Unknown names are refused on a read too. */
  readonly strictQuery?: boolean
  readonly body?: JsonBody<B> | StreamBody
  /** Takes `Idempotency-Key`. */
  readonly idempotent?: boolean
  /** The answer holds a secret: what is kept of it for replays is encrypted. */
  readonly answersSecret?: boolean
  /** False: no rate limit (health and metrics). */
  readonly rateLimited?: boolean
  /** Other content types that the caller may ask for stand in `responses` by status. */
  readonly responses: Readonly<Record<number, ResponseDoc>>
  /** Refusals of this operation beyond those that every guarded route has: status → when. */
  readonly errors?: Readonly<Record<number, string>>
  /** Errors in the form that clients of CIS v2 read: `code` as there, and `description`. */
  readonly errorStyle?: 'cis'
  /** The configured Temporal UI, and no other origin, may call: with a token or the session cookie. */
  readonly cors?: 'temporal-ui'
}

/** What is known of a request before its body is read. */
export type PathRequest<P> = {
  readonly params: P
  readonly requestId: string
  readonly stream: IncomingMessage
}

export type RouteRequest<A, P, Q, B> = {
  readonly principal: A extends 'public' | 'token-hook' ? undefined : Principal
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly requestId: string
  /** Of the request's span, for what it causes; undefined while nothing is traced. */
  readonly traceparent: string | undefined
  /** The caller's address, behind trusted proxies the one they saw. */
  readonly address: string
  /** Scheme and authority under which the caller reached the API, such as `http://127.0.0.1:8080`. */
  readonly origin: string
  /** Path and query as they were sent. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** The raw request, for `StreamBody` routes. */
  readonly stream: IncomingMessage
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal
  readonly log: Logger
  /**
   * Keeps the answer for `Idempotency-Key` replays in the transaction of its effect and returns it;
   * without a key it only returns it. What is not settled so is settled after the handler.
   */
  readonly settle: (tx: Queryable, reply: Reply) => Promise<Reply>
}

/**
 * An answer. `body` is sent as JSON; a string, Buffer or Readable is sent as it is and needs a
 * `Content-Type` among `headers`.
 */
export type Reply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export type Route = {
  readonly spec: RouteSpec<RouteAuth, z.ZodObject, z.ZodObject, z.ZodType>
  readonly handle: (
    request: RouteRequest<RouteAuth, unknown, unknown, unknown>,
    context: ApiContext,
  ) => Promise<Reply>
}

/** Declares one operation; the app mounts it, the OpenAPI document describes it. */
export function defineRoute<
  const A extends RouteAuth,
  P extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Q extends z.ZodObject = z.ZodObject<Record<never, never>>,
  B extends z.ZodType = z.ZodUndefined,
>(
  spec: RouteSpec<A, P, Q, B>,
  handle: (
    request: RouteRequest<A, z.output<P>, z.output<Q>, z.output<B>>,
    context: ApiContext,
  ) => Promise<Reply>,
): Route {
  // The dispatcher parses each part with the spec's own schema before it hands it over.
  return { spec: spec as unknown as Route['spec'], handle: handle as Route['handle'] }
}
