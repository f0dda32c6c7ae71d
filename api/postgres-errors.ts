import { AppError } from '../core/errors.ts'

const RETRY_AFTER_SECONDS = 2

type Mapping = { readonly code: string; readonly status: number; readonly message: string }

const UNAVAILABLE: Mapping = {
  code: 'database_unavailable',
  status: 503,
  message: 'Cannot reach the database now: try again shortly',
}
const BUSY: Mapping = {
  code: 'database_busy',
  status: 503,
  message: 'Cannot finish beside other work now: try again shortly',
}
const CONFLICT: Mapping = {
  code: 'conflict',
  status: 409,
  message: 'Cannot store this: it conflicts with what is stored',
}
const UNSTORABLE: Mapping = {
  code: 'invalid_value',
  status: 422,
  message:
    'Cannot store this: a value holds a character or number that the database refuses, or is too long',
}

// SQLSTATE, whole or by its class (the first two characters).
const MAPPINGS: Readonly<Record<string, Mapping>> = {
  '08': UNAVAILABLE,
  '53': UNAVAILABLE,
  '57': UNAVAILABLE,
  '40': BUSY,
  '55': BUSY,
  '23': CONFLICT,
  '22': UNSTORABLE,
  '54': UNSTORABLE,
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
])
// What pg throws without any code when a connection cannot be had, dies or stays silent.
const CONNECTION_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed and is not queryable)/

/** The AppError for an error of PostgreSQL or of the way to it; undefined for any other error. */
export function toDatabaseError(error: unknown): AppError | undefined {
  const mapping = findMapping(error)
  if (!mapping) return undefined
  return new AppError(mapping.code, mapping.message, {
    status: mapping.status,
    expose: true,
    cause: error,
    ...(mapping.status === 503 ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
  })
}

function findMapping(error: unknown): Mapping | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof AggregateError) return findMapping(error.errors[0])
  if (CONNECTION_MESSAGE.test(error.message)) return UNAVAILABLE
  const { code, syscall } = error as { code?: unknown; syscall?: unknown } // read defensively
  if (typeof code !== 'string') return undefined
  if (NETWORK_CODES.has(code))
    return syscall === 'connect' || isSocketCall(syscall) ? UNAVAILABLE : undefined
  return isSqlState(error, code) ? MAPPINGS[code.slice(0, 2)] : undefined
}

function isSocketCall(syscall: unknown): boolean {
  return syscall === 'read' || syscall === 'write' || syscall === 'getaddrinfo'
}

function isSqlState(error: Error, code: string): boolean {
  return code.length === 5 && 'severity' in error
}
