import {
  contentMemberOf,
  findAttributeRule,
  mapLeaves,
  type AttributeRule,
  type LeafPath,
} from './attributes.ts'
import type {
  Attribute,
  AttributeMetadata,
  AttributeValue,
  AttributeValues,
  Profile,
  PublisherName,
} from './document.ts'

// Under which address profiles name their schema; the one that old clients know.
const PROFILE_SCHEMA_URL = 'https://auth.mozilla.com/.well-known/profile.schema'

const NEVER = '1970-01-01T00:00:00Z'

/** A profile in which every attribute is null, unsigned and otherwise as its rule has it. */
export function createNullProfile(): Profile {
  return { schema: PROFILE_SCHEMA_URL, ...mapLeaves((rule) => createUnsigned(rule, null)) }
}

/** What an attribute holds, in `value` or in `values`. */
export type AttributeContent = AttributeValue | AttributeValues

export type AttributeOptions = {
  /** Who says so; else the one whom the null profile names. */
  readonly publisher?: PublisherName
  readonly metadata?: Partial<AttributeMetadata>
}

/** An unsigned attribute with this content, and with its rule's metadata but for what is given. */
export function createAttribute(
  path: LeafPath,
  content: AttributeContent,
  { publisher, metadata }: AttributeOptions = {},
): Attribute {
  const rule = findAttributeRule(path)
  if (!rule) throw new Error(`Cannot make the attribute "${path}": profiles have none`)
  const made = createUnsigned({ ...rule, publisher: publisher ?? rule.publisher }, content)
  return { ...made, metadata: { ...made.metadata, ...metadata } }
}

function createUnsigned(rule: AttributeRule, content: AttributeContent): Attribute {
  const unsigned = { alg: 'RS256', typ: 'JWS', value: '' } as const
  return {
    signature: {
      publisher: { ...unsigned, name: rule.publisher },
      additional: [{ ...unsigned, name: null }],
    },
    metadata: {
      classification: rule.classification,
      display: rule.displays[0] ?? null,
      created: NEVER,
      last_modified: NEVER,
      verified: true,
    },
    [contentMemberOf(rule)]: content,
  }
}
