import { isDeepStrictEqual } from 'node:util'
import type { ProviderSettings } from '../core/roster/provider.ts'

/**
 * True when two settings of a provider differ in what is read, or in what is to be of it at the
 * target: a plan by the one does not go for the other, and everything is to be read anew.
 */
export function isOtherRoster(one: ProviderSettings, other: ProviderSettings): boolean {
  return !isDeepStrictEqual(describeRoster(one), describeRoster(other))
}

/** True when the pauses of two settings of a provider may begin or end at other times. */
export function hasOtherPauses(one: ProviderSettings, other: ProviderSettings): boolean {
  return !isDeepStrictEqual([one.timeZone, one.pauses], [other.timeZone, other.pauses])
}

// The name is written to every account, as its organization.
function describeRoster({
  name,
  version,
  baseUrl,
  auth,
  filters,
  mappings,
  scim: { baseUrl: target, externalIdPrefix, deleteAfter },
}: ProviderSettings): unknown {
  return [name, version, baseUrl, auth, filters, mappings, target, externalIdPrefix, deleteAfter]
}
