import { attributeRules, type AttributeRule, type LeafPath } from '../profile/attributes.ts'
import type { AttributeContent } from '../profile/null-profile.ts'
import type { SourceRow } from './source.ts'

export type LdapMapping = {
  /** A template of LDAP attributes, such as `ad|Mozilla-LDAP|{uid}`. */
  readonly userId: string
  /** LDAP attributes by dotted path. */
  readonly attributes: Readonly<Record<LeafPath, string>>
}

/** Texts by LDAP attribute, in lower case: their names are. */
export type LdapValues = ReadonlyMap<string, readonly string[]>

const PLACEHOLDER = /\{([^{}]+)\}/g
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['TRUE', true],
  ['FALSE', false],
])

/** The LDAP attributes that a mapping reads. */
export function listMappedAttributes({ userId, attributes }: LdapMapping): string[] {
  const named = [...userId.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
  return [...new Set([...named, ...Object.values(attributes)])]
}

/** What a directory says of one person; `groups` undefined: it does not say. */
export function readLdapEntry(
  values: LdapValues,
  { mapping, groups }: { readonly mapping: LdapMapping; readonly groups?: readonly string[] },
): SourceRow {
  const key = fillUserId(mapping.userId, values)
  if (key === undefined) return { fault: 'no_user_id' }
  const mapped = Object.entries(mapping.attributes).map(([path, name]) => [
    path,
    readContent(attributeRules[path], values.get(name.toLowerCase()) ?? []),
  ])
  return {
    key,
    contents: {
      user_id: key,
      active: true,
      ...Object.fromEntries(mapped),
      ...(groups && { 'access_information.ldap': toNames(groups) }),
    },
  }
}

function fillUserId(template: string, values: LdapValues): string | undefined {
  let isWhole = true
  const filled = template.replaceAll(PLACEHOLDER, (_, name: string) => {
    const [value] = values.get(name.toLowerCase()) ?? []
    if (value === undefined) isWhole = false
    return value ?? ''
  })
  return isWhole ? filled : undefined
}

function readContent(rule: AttributeRule | undefined, values: readonly string[]): AttributeContent {
  if (rule?.kind === 'values') return toNumbered(values)
  if (rule?.kind === 'access') return toNames(values)
  const [first] = values
  return rule?.kind === 'boolean' ? (BOOLEANS.get(first ?? '') ?? null) : (first ?? null)
}

// A directory has its values in no order: the same set gives the same names.
function toNumbered(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.toSorted().map((value, index) => [`LDAP-${index + 1}`, value]))
}

function toNames(names: readonly string[]): Record<string, null> {
  return Object.fromEntries(names.toSorted().map((name) => [name, null]))
}
