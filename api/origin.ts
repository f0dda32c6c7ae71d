import type { IncomingMessage } from 'node:http'
import { createProxyCheck } from './client-address.ts'

const AUTHORITY = /^[A-Za-z0-9.-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/

/**
 * Builds the reader of scheme and authority under which a caller reached the API: the `Host` header,
 * or what a trusted proxy says in `X-Forwarded-Proto` and `X-Forwarded-Host`.
 */
export function createOriginReader(
  trustedProxies: readonly string[],
): (request: IncomingMessage) => string {
  const isTrusted = createProxyCheck(trustedProxies)
  return (request) => {
    const { headers, socket } = request
    const local = `${socket.localAddress ?? 'localhost'}:${socket.localPort ?? 80}`
    const behindProxy = isTrusted(socket.remoteAddress ?? '')
    const proto =
      behindProxy && firstOf(headers['x-forwarded-proto']) === 'https' ? 'https' : 'http'
    const forwarded = behindProxy ? firstOf(headers['x-forwarded-host']) : undefined
    const authority = forwarded ?? headers.host ?? local
    return `${proto}://${AUTHORITY.test(authority) ? authority : local}`
  }
}

function firstOf(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? '')
      .split(',')[0]
      ?.trim() || undefined
  )
}
