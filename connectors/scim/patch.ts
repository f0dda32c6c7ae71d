import { readField, type PersonField } from '../../core/roster/person-diff.ts'
import type { ScimPerson } from '../../core/roster/target.ts'
import { schemas } from './resource.ts'

export type PatchOperation =
  | { readonly op: 'replace' | 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

const ENTERPRISE = 'enterprise.'

/** A PATCH's body (RFC 7644 §3.5.2). */
export function toPatchBody(operations: readonly PatchOperation[]): object {
  return { schemas: [schemas.patch], Operations: operations }
}

/** Writes these fields of a person, lists whole; one that the person lacks is removed. */
export function patchPerson(
  person: ScimPerson,
  fields: readonly PersonField[],
): readonly PatchOperation[] {
  return fields.map((field) => patchAttribute(pathOf(field), readField(person, field)))
}

/** Writes one attribute; nothing and an empty list are removed, as there is nothing left of it. */
export function patchAttribute(path: string, value: unknown): PatchOperation {
  if (value === undefined || (Array.isArray(value) && value.length === 0))
    return { op: 'remove', path }
  return { op: 'replace', path, value }
}

/** Removes members one by one and adds others at once (RFC 7644 §3.5.2.1, §3.5.2.2). */
export function patchMembers(
  add: readonly string[],
  remove: readonly string[],
): readonly PatchOperation[] {
  const removals = remove.map((member): PatchOperation => ({
    op: 'remove',
    path: `members[value eq ${JSON.stringify(member)}]`,
  }))
  if (add.length === 0) return removals
  return [...removals, { op: 'add', path: 'members', value: add.map((value) => ({ value })) }]
}

function pathOf(field: PersonField): string {
  if (!field.startsWith(ENTERPRISE)) return field
  return `${schemas.enterprise}:${field.slice(ENTERPRISE.length)}`
}
