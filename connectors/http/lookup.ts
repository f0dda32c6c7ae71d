import type { LookupAddress } from 'node:dns'
import { lookup as systemLookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import { isPublicAddress } from './addresses.ts'
import { createRefusal } from './target.ts'

/** Finds all addresses of a host. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>

/** The system's resolver: hosts file and DNS. */
export async function resolveWithSystem(host: string): Promise<readonly LookupAddress[]> {
  return await systemLookup(host, { all: true })
}

/** The same resolver, which throws `target_refused` when one of the addresses is not public. */
export function onlyPublic(resolve: Resolve): Resolve {
  return async (host) => {
    const addresses = await resolve(host)
    if (!addresses.every(({ address }) => isPublicAddress(address))) throw createRefusal(host)
    return addresses
  }
}

/**
 * Looks a host up for one connection, which is then made to just these addresses: a name that
 * answers otherwise the next time changes nothing.
 */
export function createLookup(resolve: Resolve): LookupFunction {
  return (host, { all, family }, callback) => {
    const answer = (addresses: readonly LookupAddress[]): void => {
      const found = addresses.filter((address) => isOfFamily(address, family))
      const [first] = found
      if (first === undefined) callback(createNotFound(host), '')
      else if (all === true) callback(null, found)
      else callback(null, first.address, first.family)
    }
    resolve(host).then(answer, (error: NodeJS.ErrnoException) => callback(error, ''))
  }
}

function isOfFamily(address: LookupAddress, family: number | string | undefined): boolean {
  if (family === undefined || family === 0) return true
  return family === address.family || family === `IPv${address.family}`
}

function createNotFound(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`Cannot find an address of "${host}"`), { code: 'ENOTFOUND' })
}
