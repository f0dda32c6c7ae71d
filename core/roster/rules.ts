import type { ProviderSettings } from './provider.ts'
import type { RosterKind } from './source.ts'

/** The guard's limits; percentages are of what is active, or was in the source before. */
export type GuardLimits = {
  readonly deactivations: { readonly atLeast: number; readonly percent: number }
  readonly updates: { readonly percent: number }
  readonly shrunk: { readonly percent: number }
  readonly rekeyed: boolean
}

/** How a roster becomes people and groups of a target; a change of any of it makes a full run due. */
export type RosterRules = {
  /** Before the source's id: `clever:`, `classlink:<tenant>:`, … */
  readonly externalIdPrefix: string
  /** The district's name. */
  readonly organization: string
  /** `email`, `districtUsername`, `sisId` or `sisId@<domain>`; the first that gives a value names a person. */
  readonly userName: readonly string[]
  readonly onCollision: 'suffix' | 'quarantine'
  /** Who gets an account, by the source's names; undefined: all but contacts and relatives. */
  readonly roles?: readonly string[] | undefined
}

/** What stands before a source's id in the externalId of people and groups. */
export function createExternalIdPrefix(provider: {
  readonly kind: RosterKind
  readonly tenant: string
  /** Written before all of it, as it stands. */
  readonly prefix?: string | undefined
}): string {
  const { kind, tenant, prefix = '' } = provider
  // A Clever id is one of its kind everywhere; a sourcedId is so within its district alone.
  return kind === 'clever' ? `${prefix}clever:` : `${prefix}${kind}:${tenant}:`
}

/** What a provider's settings say of people and groups. */
export function toRosterRules(provider: {
  readonly tenant: string
  readonly kind: RosterKind
  readonly settings: Pick<ProviderSettings, 'name' | 'mappings' | 'filters' | 'scim'>
}): RosterRules {
  const { tenant, kind, settings } = provider
  const { name, mappings, filters, scim } = settings
  return {
    externalIdPrefix: createExternalIdPrefix({ kind, tenant, prefix: scim.externalIdPrefix }),
    organization: name,
    userName: mappings.userName,
    onCollision: mappings.onCollision,
    roles: filters.roles,
  }
}
