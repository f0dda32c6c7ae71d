import type { Profile } from '../../core/profile/document.ts'
import { findAttribute } from '../../core/profile/document.ts'
import { filterProfile } from '../../core/profile/filter.ts'
import { fillTemplate, listTemplateValues } from '../../core/profile/template.ts'
import { escapeDnValue, splitDn } from './escape.ts'

export type LdapEntrySettings = {
  /** Templates of distinguished names: where persons are, and where inactive ones are moved. */
  readonly userDn: string
  readonly inactiveDn?: string | undefined
  readonly objectClasses: readonly string[]
  /** Templates by LDAP attribute. */
  readonly attributes: Readonly<Record<string, string>>
}

/** How a person should stand in the directory. */
export type WantedEntry = {
  readonly dn: string
  /** Where they may stand instead, and are moved from. */
  readonly otherDn: string | undefined
  /** Values by LDAP attribute; none: the attribute is removed. */
  readonly attributes: ReadonlyMap<string, readonly string[]>
  readonly groups: readonly string[]
}

// What the usual classes demand (RFC 4519, RFC 2798).
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  person: ['cn', 'sn'],
  organizationalperson: ['cn', 'sn'],
  inetorgperson: ['cn', 'sn'],
  account: ['uid'],
}

/**
 * What a profile comes to in a directory that sees so much of it. Who it is about and whether they are
 * active decides where they stand, however little that is.
 */
export function createWantedEntry(
  settings: LdapEntrySettings,
  whole: Profile,
  scopes: ReadonlySet<string>,
): WantedEntry {
  const profile = { ...filterProfile(whole, { scopes }), ...pickOwn(whole, 'user_id') }
  const fill = (template: string): string => fillTemplate(template, profile, escapeDnValue)
  const userDn = fill(settings.userDn)
  const inactiveDn = settings.inactiveDn && toInactiveDn(fill(settings.inactiveDn), userDn)
  const isInactive = findAttribute(whole, 'active')?.value === false
  const isMoved = isInactive && inactiveDn !== undefined
  return {
    dn: isMoved ? inactiveDn : userDn,
    otherDn: isMoved ? userDn : inactiveDn,
    attributes: createAttributes(settings, profile),
    groups: isMoved ? [] : listGroupNames(profile),
  }
}

function pickOwn(profile: Profile, name: string): Pick<Profile, string> {
  const attribute = profile[name]
  return attribute === undefined ? {} : { [name]: attribute }
}

// A container alone takes the person under the same relative name.
function toInactiveDn(filled: string, userDn: string): string {
  const { rdn } = splitDn(userDn)
  const [attribute = ''] = rdn.split('=')
  return filled.toLowerCase().startsWith(`${attribute.toLowerCase()}=`)
    ? filled
    : `${rdn},${filled}`
}

function createAttributes(
  { attributes, objectClasses, userDn }: LdapEntrySettings,
  profile: Profile,
): Map<string, readonly string[]> {
  const userId = String(findAttribute(profile, 'user_id')?.value ?? '')
  const wanted = new Map<string, readonly string[]>(
    Object.entries(attributes).map(([name, template]) => [
      name,
      listTemplateValues(template, profile),
    ]),
  )
  // The relative name has to stand in the entry as well.
  const [naming = '', template = ''] = splitDn(userDn).rdn.split('=')
  if (!wanted.has(naming)) wanted.set(naming, listTemplateValues(template, profile))
  const required = objectClasses.flatMap((name) => REQUIRED[name.toLowerCase()] ?? [])
  for (const name of required) {
    if ((wanted.get(name) ?? []).length === 0) wanted.set(name, [userId])
  }
  return wanted
}

function listGroupNames(profile: Profile): string[] {
  return Object.keys(findAttribute(profile, 'access_information.ldap')?.values ?? {}).toSorted()
}
