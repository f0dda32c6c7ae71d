import type { LeafPath } from './attributes.ts'

/** Audiences that a person may choose for an attribute, from the widest to the narrowest. */
export const displays = ['public', 'authenticated', 'vouched', 'ndaed', 'staff', 'private'] as const
export type Display = (typeof displays)[number]

export const classifications = [
  'PUBLIC',
  'MOZILLA CONFIDENTIAL',
  'WORKGROUP CONFIDENTIAL',
  'WORKGROUP CONFIDENTIAL: STAFF ONLY',
  'INDIVIDUAL CONFIDENTIAL',
] as const
export type Classification = (typeof classifications)[number]

/** Systems that may propose changes. */
export const publisherNames = ['ldap', 'hris', 'access_provider', 'mozilliansorg', 'cis'] as const
export type PublisherName = (typeof publisherNames)[number]

export const signatureAlgorithms = ['HS256', 'RS256', 'RSA', 'ED25519'] as const
export const signatureTypes = ['JWS', 'PGP'] as const

export type AttributeMetadata = {
  readonly classification: Classification
  readonly display: Display | null
  /** RFC 3339 date-times. */
  readonly created: string
  readonly last_modified: string
  readonly verified: boolean
}

export type AttributeSignature = {
  readonly alg: (typeof signatureAlgorithms)[number]
  readonly typ: (typeof signatureTypes)[number]
  readonly name: string | null
  /** A compact JWS over the attribute without its signature; empty on a null attribute. */
  readonly value: string
}

export type AttributeValue = string | boolean | null
export type AttributeValues = Readonly<Record<string, unknown>> | readonly string[] | null

/** One leaf of a profile: what is known, about it, and who says so. It has `value` or `values`, never both. */
export type Attribute = {
  readonly signature: {
    readonly publisher: AttributeSignature & { readonly name: PublisherName }
    readonly additional: readonly AttributeSignature[]
  }
  readonly metadata: AttributeMetadata
  readonly value?: AttributeValue
  readonly values?: AttributeValues
}

export type AttributeGroup = Readonly<Record<string, Attribute>>

/** A whole profile v2: `schema`, and an attribute or a group of attributes under every other key. */
export type Profile = { readonly schema: string } & {
  readonly [name: string]: string | Attribute | AttributeGroup
}

/** A profile of which any attribute may be absent: what publishers send. */
export type PartialProfile = Readonly<Record<string, unknown>>

/** What an attribute holds, whichever member it is in; null where it holds nothing. */
export function contentOf(
  attribute: Pick<Attribute, 'value' | 'values'>,
): AttributeValue | AttributeValues {
  return attribute.value ?? attribute.values ?? null
}

/** The attribute at a path such as `identities.github_id_v3`; undefined where the document has none. */
export function findAttribute(document: PartialProfile, path: LeafPath): Attribute | undefined {
  const [name = '', leaf] = path.split('.')
  const found = own(document, name)
  return (leaf === undefined ? found : own(found, leaf)) as Attribute | undefined // judged by the schema
}

/** The same document with other attributes at some paths. */
export function withAttributes<T extends PartialProfile>(
  document: T,
  attributes: ReadonlyMap<LeafPath, Attribute>,
): T {
  const changed: Record<string, unknown> = { ...document }
  for (const [path, attribute] of attributes) {
    const [name = '', leaf] = path.split('.')
    const group = changed[name] as AttributeGroup | undefined // a leaf below it was asked for
    changed[name] = leaf === undefined ? attribute : { ...group, [leaf]: attribute }
  }
  return changed as T // the same shape: only leaves were exchanged
}

function own(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name))
    return undefined
  return (holder as Readonly<Record<string, unknown>>)[name] // an object with this member
}
