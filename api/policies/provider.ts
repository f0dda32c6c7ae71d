import { hasAnyScope, type Principal } from '../principal.ts'

/** How much of a provider a reader sees. */
export type ProviderAudience = 'general' | 'private'

/** Where a provider stands: its compact, and every jurisdiction it has a license or privilege in. */
export type ProviderPlace = {
  readonly compact: string
  readonly jurisdictions: readonly string[]
}

/** What a principal sees of this provider; undefined when it may not read it at all. */
export function findAudience(
  principal: Principal,
  place: ProviderPlace,
): ProviderAudience | undefined {
  if (holds(principal, place, 'readPrivate')) return 'private'
  return mayReadGeneral(principal, place.compact) ? 'general' : undefined
}

/** Whether a principal may read every provider of the compact in the general view. */
export function mayReadGeneral(principal: Principal, compact: string): boolean {
  return principal.scopes.has(`${compact}/readGeneral`)
}

/** Whether a principal may read this provider's whole SSN, within the limit of reads. */
export function mayReadSsn(principal: Principal, place: ProviderPlace): boolean {
  return holds(principal, place, 'readSSN')
}

/** Whether a principal holds an action anywhere in the compact: the least for an answer about a row. */
export function holdsSomewhere(
  principal: Principal,
  compact: string,
  action: 'readPrivate' | 'readSSN',
): boolean {
  const [prefix, suffix] = [`${compact}/`, `.${action}`]
  return [...principal.scopes].some((scope) => scope.startsWith(prefix) && scope.endsWith(suffix))
}

function holds(
  principal: Principal,
  place: ProviderPlace,
  action: 'readPrivate' | 'readSSN',
): boolean {
  const { compact, jurisdictions } = place
  const holders = [compact, ...jurisdictions]
  return hasAnyScope(
    principal,
    holders.map((holder) => `${compact}/${holder}.${action}`),
  )
}
