import {
  NamespaceNotFoundError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
} from '@temporalio/client'
import { AppError } from '../core/errors.ts'

// gRPC status codes (https://grpc.io/docs/guides/status-codes/).
const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const REFUSED: ReadonlySet<number> = new Set([7, 16])
const AWAY: ReadonlySet<number> = new Set([1, 2, 4, 8, 10, 13, 14])

type GrpcError = { readonly code: number; readonly details: string }

/**
 * What a failed call means to us: `run_not_found`, `namespace_not_found`, `temporal_conflict`,
 * `temporal_refused`, `temporal_unavailable`, else `temporal_rejected`. The original is the cause.
 */
export function toTemporalError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  if (cause instanceof WorkflowNotFoundError) {
    return new AppError('run_not_found', 'Cannot find the workflow run', { status: 404, cause })
  }
  if (cause instanceof NamespaceNotFoundError) return namespaceNotFound(cause)
  if (cause instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return unavailable(cause)
  const code = findGrpcError(cause)?.code
  if (code === undefined) return rejected(cause)
  if (code === NOT_FOUND) return namespaceNotFound(cause)
  if (code === ALREADY_EXISTS) {
    const message = 'Cannot register with Temporal: it is there already'
    return new AppError('temporal_conflict', message, { status: 409, cause })
  }
  if (REFUSED.has(code)) {
    const message =
      'Cannot use Temporal: it refuses our credentials; check TEMPORAL_API_KEY and TEMPORAL_TLS'
    return new AppError('temporal_refused', message, { status: 503, cause })
  }
  return AWAY.has(code) ? unavailable(cause) : rejected(cause)
}

/** True when the server does not know one of the search attributes that a start carries. */
export function isUnknownSearchAttribute(error: unknown): boolean {
  const grpc = findGrpcError(error)
  return grpc?.code === INVALID_ARGUMENT && /search attribute/i.test(grpc.details)
}

function namespaceNotFound(cause: unknown): AppError {
  const message = 'Cannot use Temporal: the namespace is not registered; check TEMPORAL_NAMESPACE'
  return new AppError('namespace_not_found', message, {
    status: 503,
    retryAfterSeconds: 2,
    cause,
  })
}

function unavailable(cause: unknown): AppError {
  const message = 'Cannot reach Temporal: the server does not answer'
  return new AppError('temporal_unavailable', message, {
    status: 503,
    retryAfterSeconds: 2,
    cause,
  })
}

function rejected(cause: unknown): AppError {
  const message = 'Cannot complete the call: Temporal rejects it'
  return new AppError('temporal_rejected', message, { status: 500, cause })
}

// The SDK wraps what gRPC throws.
function findGrpcError(error: unknown): GrpcError | undefined {
  if (isGrpcServiceError(error)) return error
  if (error instanceof Error && isGrpcServiceError(error.cause)) return error.cause
  return undefined
}
