import { STATUS_CODES } from 'node:http'
import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import { AppError, type FieldFault } from '../core/errors.ts'
import { describeForLog } from './error-log.ts'
import { toCisError } from './cis-errors.ts'
import { toDatabaseError } from './postgres-errors.ts'

/** RFC 9457 problem details with our members; other members are added where a contract says so. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  readonly code: string
  readonly errors?: readonly FieldFault[]
  readonly requestId: string
}

export type ProblemSource = { readonly requestId: string; readonly path: string }

/**
 * The body for an error. Of `details` two leave: `errors` (field faults) and `members`, which are
 * set beside ours and may replace `errors`.
 */
export function toProblem(error: AppError, source: ProblemSource): Problem {
  const title = STATUS_CODES[error.status] ?? 'Error'
  const { errors, members } = error.details as {
    errors?: readonly FieldFault[]
    members?: Readonly<Record<string, unknown>>
  } // by convention of those who throw
  return {
    type: 'about:blank',
    title,
    status: error.status,
    detail: error.expose ? error.message : title,
    instance: source.path,
    code: error.code,
    ...(errors ? { errors } : {}),
    ...members,
    requestId: source.requestId,
  }
}

/** Turns anything thrown into an AppError: database errors by table, the rest into `internal_error`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const known = toDatabaseError(error)
  if (known) return known
  return new AppError('internal_error', 'Cannot answer this request', {
    status: 500,
    expose: false,
    cause: error,
  })
}

/** The headers that go with an error. */
export function listErrorHeaders(error: AppError): Record<string, string> {
  const headers: Record<string, string> = { 'Content-Type': 'application/problem+json' }
  if (error.retryAfterSeconds !== undefined) {
    headers['Retry-After'] = String(Math.ceil(error.retryAfterSeconds))
  }
  const own = error.details['headers'] as Readonly<Record<string, string>> | undefined // as above
  return { ...headers, ...own }
}

/** The one place where errors become answers; 5xx are logged with their cause. */
export function createProblemMiddleware(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (thrown) {
      const known = toAppError(thrown)
      const error = ctx.state['errorStyle'] === 'cis' ? toCisError(known) : known
      const requestId = String(ctx.state['requestId'])
      if (error.status >= 500)
        log.error({ error: describeForLog(error), requestId }, 'request failed')
      ctx.status = error.status
      ctx.set(listErrorHeaders(error))
      ctx.body = JSON.stringify(toProblem(error, { requestId, path: ctx.path }))
      ctx.set('Content-Type', 'application/problem+json')
    }
  }
}
