import {
  attributeRules,
  contentMemberOf,
  mapLeaves,
  type AttributeKind,
  type AttributeRule,
} from './attributes.ts'
import {
  classifications,
  displays,
  publisherNames,
  signatureAlgorithms,
  signatureTypes,
  type Classification,
  type Display,
} from './document.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

const MAYBE_TEXT = { type: ['string', 'null'] } as const
const TEXTS_BY_NAME = { type: ['object', 'null'], additionalProperties: MAYBE_TEXT } as const

const contentSchemas: Readonly<Record<AttributeKind, JsonSchema>> = {
  string: MAYBE_TEXT,
  boolean: { type: ['boolean', 'null'] },
  values: TEXTS_BY_NAME,
  access: { type: ['object', 'null'] },
}

/**
 * The profile v2 as JSON Schema, made from the attributes' rules. It declares draft 7 and keeps to
 * what draft 4 knows too, so that old clients' validators read it as it is meant.
 */
export const profileSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Profile v2',
  allOf: [refer('Profile')],
  definitions: {
    Profile: createProfileSchema(),
    ...listRuleSchemas(),
    Metadata: closedObject({
      classification: { enum: classifications },
      display: { enum: [...displays, null] },
      created: { type: 'string', format: 'date-time' },
      last_modified: { type: 'string', format: 'date-time' },
      verified: { type: 'boolean' },
    }),
    Signature: closedObject({
      publisher: refer('Publisher'),
      additional: { type: 'array', items: refer('AdditionalSigner') },
    }),
    Publisher: createSignerSchema({ enum: publisherNames }),
    AdditionalSigner: createSignerSchema(MAYBE_TEXT),
  },
}

function createProfileSchema(): JsonSchema {
  const members: Record<string, JsonSchema> = {
    schema: { type: 'string', pattern: '^https?://' },
  }
  for (const [name, member] of Object.entries(mapLeaves(createLeafSchema))) {
    const isLeaf = Object.hasOwn(attributeRules, name)
    members[name] = isLeaf ? member : closedObject(member as Readonly<Record<string, JsonSchema>>)
  }
  return closedObject(members)
}

function createLeafSchema(rule: AttributeRule): JsonSchema {
  const names = [nameKind(rule), nameDisplays(rule.displays), nameClassification(rule)]
  return { allOf: names.map(refer) }
}

// What leaves share: one definition for each kind, set of audiences and classification in use.
function listRuleSchemas(): Record<string, JsonSchema> {
  const shared: Record<string, JsonSchema> = {}
  for (const rule of Object.values(attributeRules)) {
    shared[nameKind(rule)] = createKindSchema(rule)
    shared[nameDisplays(rule.displays)] = withMetadata({ display: { enum: rule.displays } })
    shared[nameClassification(rule)] = withMetadata({
      classification: { enum: [rule.classification] },
    })
  }
  return shared
}

function createKindSchema(rule: AttributeRule): JsonSchema {
  const content = contentSchemas[rule.kind]
  const list = { type: 'array', items: { type: 'string' } }
  return closedObject({
    signature: refer('Signature'),
    metadata: refer('Metadata'),
    [contentMemberOf(rule)]: rule.acceptsList ? { anyOf: [content, list] } : content,
  })
}

function createSignerSchema(name: JsonSchema): JsonSchema {
  return closedObject({
    alg: { enum: signatureAlgorithms },
    typ: { enum: signatureTypes },
    name,
    value: { type: 'string' },
  })
}

function withMetadata(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties: { metadata: { type: 'object', properties } } }
}

function closedObject(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  }
}

function refer(name: string): JsonSchema {
  return { $ref: `#/definitions/${name}` }
}

function nameKind(rule: AttributeRule): string {
  const kinds = {
    string: 'String',
    boolean: 'Boolean',
    values: 'Values',
    access: 'AccessInformation',
  }
  return `${kinds[rule.kind]}Attribute${rule.acceptsList ? 'OrList' : ''}`
}

function nameDisplays(allowed: readonly (Display | null)[]): string {
  const known = [...displays, null].filter((display) => allowed.includes(display))
  if (known.length > displays.length) return 'DisplayAny'
  return `Display${known.map((display) => capitalize(display ?? 'none')).join('')}`
}

function nameClassification({ classification }: { classification: Classification }): string {
  const words = classification.split(/[ :]+/)
  return `Classification${words.map((word) => capitalize(word.toLowerCase())).join('')}`
}

function capitalize(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`
}
