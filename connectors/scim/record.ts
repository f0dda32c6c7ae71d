import { listCleared, listDifferences, type PersonField } from '../../core/roster/person-diff.ts'
import type { ScimGroup, ScimPerson } from '../../core/roster/target.ts'
import type { Key } from './account-index.ts'
import type { Capabilities } from './capabilities.ts'
import { patchAttribute, patchPerson, type PatchOperation } from './patch.ts'
import {
  toGroupBody,
  toPersonBody,
  toPersonUpdate,
  toTargetPerson,
  type Kind,
  type Resource,
} from './resource.ts'
import type { Refusal } from './verdict.ts'

/** How people and groups are written, where they differ. */
export type RecordKind<T> = {
  readonly kind: Kind
  readonly keyOf: (after: T) => Key
  readonly toBody: (
    after: T,
    capabilities: Pick<Capabilities, 'enterprise'>,
  ) => Readonly<Record<string, unknown>>
  /** What an update sends of it as a whole; null: it is cleared. */
  readonly toChangedBody: (
    before: T,
    after: T,
    capabilities: Pick<Capabilities, 'enterprise'>,
  ) => Readonly<Record<string, unknown>>
  /** What an update changes. */
  readonly findChanges: (
    before: T,
    after: T,
    capabilities: Capabilities,
  ) => readonly PatchOperation[]
  /**
   * What the resource has otherwise, apart from what servers write in their own way; of what was
   * written `before`, also what is not wanted any more.
   */
  readonly findRest: (
    resource: Resource,
    after: T,
    options: { readonly capabilities: Capabilities; readonly before?: T },
  ) => readonly PatchOperation[]
  /** Somebody else has the name. */
  readonly nameConflict: Refusal
}

/** Accounts of people. */
export const personKind: RecordKind<ScimPerson> = {
  kind: 'Users',
  keyOf: ({ externalId, userName }) => ({ externalId, name: userName }),
  toBody: (after, { enterprise }) => toPersonBody(after, { withEnterprise: enterprise }),
  toChangedBody: (before, after, { enterprise }) =>
    toPersonUpdate(after, { withEnterprise: enterprise, cleared: listCleared(before, after) }),
  findChanges: (before, after, capabilities) => {
    const fields = [
      ...listDifferences(before, after, { caseless: false }),
      ...listCleared(before, after),
    ]
    return patchPerson(after, onlyTaken(fields, capabilities))
  },
  findRest: (resource, after, { capabilities, before = after }) => {
    const { person } = toTargetPerson(resource)
    const held = new Set(listCleared(person, after))
    const fields = [
      ...listDifferences(person, after, { caseless: true }),
      ...listCleared(before, after).filter((field) => held.has(field)),
    ]
    return patchPerson(after, onlyTaken(fields, capabilities))
  },
  nameConflict: {
    code: 'username_conflict',
    message: 'Its userName belongs to an account that may not be adopted',
  },
}

/** Groups of schools and sections. */
export const groupKind: RecordKind<ScimGroup> = {
  kind: 'Groups',
  keyOf: ({ externalId, displayName }) => ({ externalId, name: displayName }),
  toBody: toGroupBody,
  toChangedBody: (_before, after) => toGroupBody(after),
  findChanges: (before, after) => diffGroup(before, after),
  findRest: (resource, after) => diffGroup(resource, after),
  nameConflict: {
    code: 'display_name_conflict',
    message: 'Its displayName belongs to a group that may not be adopted',
  },
}

function onlyTaken(fields: readonly PersonField[], { enterprise }: Capabilities): PersonField[] {
  return fields.filter((field) => enterprise || !field.startsWith('enterprise.'))
}

function diffGroup(
  before: Readonly<Record<string, unknown>> | ScimGroup,
  after: ScimGroup,
): PatchOperation[] {
  const held: Readonly<Record<string, unknown>> = before
  return (['externalId', 'displayName'] as const)
    .filter((attribute) => held[attribute] !== after[attribute])
    .map((attribute) => patchAttribute(attribute, after[attribute]))
}
