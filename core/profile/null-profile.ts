import { contentMemberOf, mapLeaves, type AttributeRule } from './attributes.ts'
import type { Attribute, Profile } from './document.ts'

/** Under which address profiles name their schema; the one that old clients know. */
export const PROFILE_SCHEMA_URL = 'https://auth.mozilla.com/.well-known/profile.schema'

const NEVER = '1970-01-01T00:00:00Z'

/** A profile in which every attribute is null, unsigned and otherwise as its rule has it. */
export function createNullProfile(): Profile {
  return { schema: PROFILE_SCHEMA_URL, ...mapLeaves(createNullAttribute) }
}

function createNullAttribute(rule: AttributeRule): Attribute {
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
    ...(contentMemberOf(rule) === 'value' ? { value: null } : { values: null }),
  }
}
