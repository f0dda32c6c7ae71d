import { isIP, isIPv4 } from 'node:net'
import { AppError } from '../../core/errors.ts'
import { readUrl } from '../../core/url.ts'
import { isPublicAddress } from './addresses.ts'

const MAX_URL_LENGTH = 2048
const AUTHORITY = /^https?:\/\/([^/?#\\]*)/i
const PORT = /:\d*$/

/**
 * Reads an address that is to be called. Throws `invalid_target` (400) unless it is an absolute
 * http or https URL without credentials, whose host is not an IPv4 address in disguise (`2130706433`,
 * `0x7f.1`, `017700000001`). What is wrong is said, never the address itself.
 */
export function parseTarget(text: string): URL {
  if (text.length > MAX_URL_LENGTH) throwInvalid(`is longer than ${MAX_URL_LENGTH} characters`)
  const authority = AUTHORITY.exec(text)?.[1]
  const url = readUrl(text)
  if (authority === undefined || !url) throwInvalid('is no absolute http or https URL')
  if (authority.includes('@')) throwInvalid('holds credentials')
  if (isDisguised(url, authority)) throwInvalid('spells an IP address in an unusual way')
  return url
}

/** The host of a target as a socket takes it: IPv6 addresses without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}

/** Throws `target_refused` (400) when the host is written as an address that is not public. */
export function assertPublicLiteral(url: URL): void {
  const host = hostOf(url)
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw createRefusal(host)
}

/** What a call to an address inside of the own network ends with. */
export function createRefusal(host: string): AppError {
  return new AppError('target_refused', `Cannot call "${host}": it is not on the public Internet`, {
    status: 400,
  })
}

// The parser makes plain IPv4 addresses of numbers, octal, hexadecimal and full-width digits.
function isDisguised(url: URL, authority: string): boolean {
  return isIPv4(url.hostname) && authority.replace(PORT, '') !== url.hostname
}

function throwInvalid(reason: string): never {
  throw new AppError('invalid_target', `Cannot call this address: it ${reason}`, { status: 400 })
}
