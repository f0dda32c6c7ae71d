import type { ScimPerson } from './target.ts'

/** What of a ScimPerson is compared and written on its own, as SCIM names it below the resource. */
export const personFields = [
  'externalId',
  'userName',
  'name.givenName',
  'name.familyName',
  'name.middleName',
  'displayName',
  'emails',
  'active',
  'userType',
  'roles',
  'enterprise.employeeNumber',
  'enterprise.organization',
  'enterprise.division',
  'enterprise.department',
] as const
export type PersonField = (typeof personFields)[number]

const CASELESS: ReadonlySet<PersonField> = new Set(['userName', 'emails'])

/**
 * The fields of `after` that `before` has otherwise. A field that `after` leaves out is not wanted,
 * so that it cannot differ. `caseless` takes user names and e-mails for the same whatever their case.
 */
export function listDifferences(
  before: Partial<ScimPerson>,
  after: ScimPerson,
  { caseless }: { readonly caseless: boolean },
): PersonField[] {
  return personFields.filter((field) => {
    const wanted = fieldKey(after, field)
    if (wanted === undefined) return false
    const held = fieldKey(before, field) ?? ''
    if (!caseless || !CASELESS.has(field)) return held !== wanted
    return held.toLowerCase() !== wanted.toLowerCase()
  })
}

/** The fields that `before` has something of and `after` leaves out: they are to be cleared. */
export function listCleared(before: Partial<ScimPerson>, after: ScimPerson): PersonField[] {
  return personFields.filter(
    (field) => holdsField(before, field) && readField(after, field) === undefined,
  )
}

/** True when the person has something of this field. */
export function holdsField(person: Partial<ScimPerson>, field: PersonField): boolean {
  return (fieldKey(person, field) ?? '') !== ''
}

/** The value of a field; undefined where it is left out. */
export function readField(person: Partial<ScimPerson>, field: PersonField): unknown {
  const [first, second] = field.split('.')
  const members = person as Readonly<Record<string, unknown>> // read by the names above
  const value = members[first ?? '']
  if (second === undefined) return value
  return (value as Readonly<Record<string, unknown>> | undefined)?.[second]
}

// Equal texts stand for equal values; lists are sets.
function fieldKey(person: Partial<ScimPerson>, field: PersonField): string | undefined {
  const value = readField(person, field)
  if (value === undefined) return undefined
  if (!Array.isArray(value)) return `${value as string | boolean}` // what is no list is one of these
  const values = (value as readonly { readonly value: string }[]).map((one) => one.value)
  return [...new Set(values)].toSorted().join('\n')
}
