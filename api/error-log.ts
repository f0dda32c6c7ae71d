import { DatabaseError } from 'pg'
import { AppError } from '../core/errors.ts'

const MAX_DEPTH = 5

/**
 * What a log may say of an error and its causes. PostgreSQL's messages and details quote values of
 * rows, so that of its errors only names and codes are told.
 */
export function describeForLog(error: unknown, depth = 0): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { cause } = error
  const told = error instanceof DatabaseError ? describeDatabaseError(error) : describeError(error)
  if (cause === undefined || depth >= MAX_DEPTH) return told
  return { ...told, cause: describeForLog(cause, depth + 1) }
}

function describeError(error: Error): Readonly<Record<string, unknown>> {
  const { name, message, stack } = error
  const code = error instanceof AppError ? error.code : (error as { code?: unknown }).code
  return { type: name, message, stack, ...(typeof code === 'string' ? { code } : {}) }
}

function describeDatabaseError(error: DatabaseError): Readonly<Record<string, unknown>> {
  const { code, severity, schema, table, column, constraint, routine, stack } = error
  const frames = stack?.split('\n').filter((line) => line.trimStart().startsWith('at '))
  return {
    type: 'DatabaseError',
    sqlState: code,
    severity,
    schema,
    table,
    column,
    constraint,
    routine,
    stack: frames?.join('\n'),
  }
}
