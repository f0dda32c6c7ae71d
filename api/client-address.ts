import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'
import type { IncomingMessage } from 'node:http'

const MAPPED_PREFIX = '::ffff:'

/**
 * Builds the strict reader of a caller's address, for who decides by it: undefined where the hop that
 * a trusted proxy names is no address.
 */
export function createHopReader(
  trustedProxies: readonly string[],
): (request: IncomingMessage) => string | undefined {
  const isTrusted = createProxyCheck(trustedProxies)
  return (request) => {
    let address = normalize(request.socket.remoteAddress ?? '')
    const hops = listForwarded(request)
    while (isTrusted(address)) {
      const hop = hops.pop()
      if (hop === undefined) return address
      if (isIP(hop) === 0) return undefined
      address = hop
    }
    return address
  }
}

/**
 * Builds the reader of a caller's address: the socket's, or with trusted proxies (CIDRs) the last
 * address in `X-Forwarded-For` that is not one of theirs.
 */
export function createAddressReader(
  trustedProxies: readonly string[],
): (request: IncomingMessage) => string {
  const isTrusted = createProxyCheck(trustedProxies)
  return (request) => {
    const peer = normalize(request.socket.remoteAddress ?? '')
    if (!isTrusted(peer)) return peer
    let address = peer
    for (const hop of listForwarded(request).toReversed()) {
      if (isIP(hop) === 0) return address
      address = hop
      if (!isTrusted(hop)) return address
    }
    return address
  }
}

/** One spelling of an IP address, however it was written; of IPv4 in IPv6 the IPv4 address. */
export function spellAddress(address: string): string {
  const isPlain = isIPv6(address) && !address.includes('%')
  return normalize(isPlain ? new SocketAddress({ address, family: 'ipv6' }).address : address)
}

/** Builds the test whether an address belongs to a trusted proxy. */
export function createProxyCheck(trustedProxies: readonly string[]): (address: string) => boolean {
  if (trustedProxies.length === 0) return () => false
  const list = createBlockList(trustedProxies)
  return (address) => {
    const plain = normalize(address)
    return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}

// An absent or empty header names none.
function listForwarded(request: IncomingMessage): string[] {
  const header = String(request.headers['x-forwarded-for'] ?? '').trim()
  return header === '' ? [] : header.split(',').map((part) => normalize(part.trim()))
}

function createBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/')
    const family = isIPv6(network) ? 'ipv6' : 'ipv4'
    list.addSubnet(network, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family)
  }
  return list
}

function normalize(address: string): string {
  return address.toLowerCase().startsWith(MAPPED_PREFIX)
    ? address.slice(MAPPED_PREFIX.length)
    : address
}
