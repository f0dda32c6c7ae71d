/** Attributes that persons can be searched by: a group's name, a truth value or a text. */
export const searchKinds = {
  'access_information.ldap': 'group',
  'access_information.mozilliansorg': 'group',
  'staff_information.cost_center': 'text',
  'staff_information.office_location': 'text',
  'staff_information.team': 'text',
  'staff_information.title': 'text',
  'staff_information.worker_type': 'text',
  'staff_information.director': 'truth',
  'staff_information.manager': 'truth',
  'staff_information.staff': 'truth',
} as const

export type SearchAttribute = keyof typeof searchKinds

export type TextAttribute = {
  [name in SearchAttribute]: (typeof searchKinds)[name] extends 'text' ? name : never
}[SearchAttribute]

/** One condition on an attribute; a person in whom it is null neither equals nor contains anything. */
export type SearchCondition = {
  /** The person must not fulfil it. */
  readonly negated: boolean
  readonly text: string
} & (
  | { readonly kind: 'contains'; readonly attribute: TextAttribute }
  /** A group that the person is in, a truth value, or a whole text. */
  | { readonly kind: 'equals'; readonly attribute: SearchAttribute }
)

export type SearchTerm = { readonly negated: boolean; readonly text: string } & {
  readonly attribute: SearchAttribute
}

/** What a search term means: part of a text unless `exact` is asked for. */
export function toCondition(
  term: SearchTerm,
  options: { readonly exact: boolean },
): SearchCondition {
  const { attribute } = term
  if (isTextAttribute(attribute) && !options.exact) return { ...term, kind: 'contains', attribute }
  return { ...term, kind: 'equals' }
}

function isTextAttribute(attribute: SearchAttribute): attribute is TextAttribute {
  return searchKinds[attribute] === 'text'
}

const GRAM_LENGTH = 3

/**
 * The first and the last three characters of a text, marked with the attribute's own name as the
 * index of texts has every three: a person whose text contains it has both. None for a shorter text.
 */
export function listGrams(attribute: TextAttribute, text: string): string[] {
  const name = attribute.slice(attribute.indexOf('.') + 1)
  const characters = Array.from(text)
  if (characters.length < GRAM_LENGTH) return []
  const ends = [characters.slice(0, GRAM_LENGTH), characters.slice(-GRAM_LENGTH)]
  return [...new Set(ends.map((end) => `${name}=${end.join('')}`))]
}
