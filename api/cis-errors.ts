import { AppError } from '../core/errors.ts'

// What clients of CIS v2 decide by.
const CODES: Readonly<Record<string, string>> = {
  missing_token: 'authorization_header_missing',
  invalid_token: 'invalid_claims',
  insufficient_scope: 'scope_missing',
  malformed_json: 'integration_exception',
  invalid_query: 'integration_exception',
  invalid_cursor: 'integration_exception',
  invalid_body: 'integration_exception',
}
// What cannot be read or verified is a bad header there; only what was verified has claims.
const UNVERIFIED = [
  'header',
  'malformed',
  'too_long',
  'algorithm',
  'kid',
  'crit',
  'typ',
  'signature',
]
const REASONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(UNVERIFIED.map((reason) => [reason, 'invalid_header'])),
  expired: 'token_expired',
}

/** The same error with the code that CIS v2 has for it, and its message as `description` too. */
export function toCisError(error: AppError): AppError {
  const { message, status, expose, details, retryAfterSeconds, cause } = error
  const code = REASONS[String(details['reason'])] ?? CODES[error.code] ?? error.code
  const members = details['members'] as Readonly<Record<string, unknown>> | undefined // by convention
  const description = expose ? message : code
  return new AppError(code, message, {
    status: error.code === 'invalid_body' ? 400 : status,
    expose,
    details: { ...details, members: { description, ...members } },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    cause,
  })
}
