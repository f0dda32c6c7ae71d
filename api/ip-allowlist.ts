import { isIPv4, isIPv6 } from 'node:net'

type Address = { readonly bits: 32 | 128; readonly value: bigint }

const V4_BITS = 32
const V6_BITS = 128
const GROUP_BITS = 16n
const MAPPED = 0xffffn
const V4_MASK = 0xffff_ffffn

/**
 * What is wrong with an entry of an allowlist, as a sentence; undefined for a canonical CIDR: an
 * address without leading zeros, IPv6 as RFC 5952 writes it, and no bit set behind the prefix.
 */
export function findCidrFault(text: string): string | undefined {
  const { network, prefix } = split(text)
  const address = parsePlain(network)
  if (!address || prefix === undefined || prefix > address.bits) {
    return 'It must be a CIDR such as 203.0.113.0/24 or 2001:db8::/32'
  }
  if (isIPv6(network) && canonicalIpv6(network) !== network) {
    return `It must be written as ${canonicalIpv6(network)}/${prefix}`
  }
  if (isMapped(address)) return 'It must be written as the IPv4 addresses that it stands for'
  if (maskTo(address, prefix) !== address.value) return 'It must have no bit set behind its prefix'
  return undefined
}

/** True when one of the CIDRs has this address; an IPv4-mapped one counts as what it stands for. */
export function isAllowed(cidrs: readonly string[], address: string): boolean {
  const parsed = parseAddress(address)
  if (!parsed) return false
  return cidrs.some((cidr) => {
    const { network, prefix = 0 } = split(cidr)
    const known = parsePlain(network)
    return known?.bits === parsed.bits && maskTo(parsed, prefix) === known.value
  })
}

function split(cidr: string): { readonly network: string; readonly prefix: number | undefined } {
  const [, network = '', digits] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(cidr) ?? []
  return { network, prefix: digits === undefined ? undefined : Number(digits) }
}

function parseAddress(text: string): Address | undefined {
  const address = parsePlain(text)
  if (!address || !isMapped(address)) return address
  return { bits: V4_BITS, value: address.value & V4_MASK }
}

function parsePlain(text: string): Address | undefined {
  // A zone names an interface of this machine, not who calls.
  if (text.includes('%')) return undefined
  if (isIPv4(text)) return { bits: V4_BITS, value: parseIpv4(text) }
  return isIPv6(text) ? { bits: V6_BITS, value: parseIpv6(text) } : undefined
}

function isMapped({ bits, value }: Address): boolean {
  return bits === V6_BITS && value >> 32n === MAPPED
}

function maskTo({ bits, value }: Address, prefix: number): bigint {
  const behind = BigInt(bits - prefix)
  return (value >> behind) << behind
}

function parseIpv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function parseIpv6(text: string): bigint {
  const [head = '', tail] = canonicalIpv6(text).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const between =
    tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...between, ...after].reduce(
    (sum, group) => (sum << GROUP_BITS) | BigInt(`0x${group}`),
    0n,
  )
}

// The URL standard writes addresses so (RFC 5952), embedded IPv4 ones in hexadecimal.
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1)
}
