import type { ClientRequest } from 'node:http'
import { AppError } from '../../core/errors.ts'

const STALE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])
// OpenSSL's reasons, as Node names them (https://nodejs.org/api/tls.html#x509-certificate-error-codes).
const TLS =
  /^(ERR_TLS_|ERR_SSL_|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|CRL_|HOSTNAME_|ERROR_IN_)/

/** True when a kept connection was closed before the request could be answered on it. */
export function isStale(sent: ClientRequest, error: unknown): boolean {
  return sent.reusedSocket && STALE.has(codeOf(error))
}

/** The AppError of a call that got no answer: the host and a code are named, never path or content. */
export function toCallError(cause: unknown, url: URL): AppError {
  if (cause instanceof AppError) return cause
  const code = codeOf(cause)
  const reason = code === '' ? 'no answer came' : code
  const name = TLS.test(code) ? 'tls_failed' : 'target_unreachable'
  return new AppError(name, `Cannot call "${url.host}": ${reason}`, { status: 502, cause })
}

function codeOf(error: unknown): string {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error
  return hasCode ? String(error.code) : ''
}
