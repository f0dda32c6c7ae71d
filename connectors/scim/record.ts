import { listDifferences, type PersonField } from '../../core/roster/person-diff.ts'
import type { ScimGroup, ScimPerson } from '../../core/roster/target.ts'
import type { Key } from './account-index.ts'
import type { Capabilities } from './capabilities.ts'
import { patchAttribute, patchPerson, type PatchOperation } from './patch.ts'
import { toGroupBody, toPersonBody, toTargetPerson, type Kind, type Resource } from './resource.ts'
import type { Refusal } from './verdict.ts'

/** How people and groups are written, where they differ. */
export type RecordKind<T> = {
  readonly kind: Kind
  readonly keyOf: (after: T) => Key
  readonly toBody: (
    after: T,
    capabilities: Pick<Capabilities, 'enterprise'>,
  ) => Readonly<Record<string, unknown>>
  /** What an update changes. */
  readonly findChanges: (
    before: T,
    after: T,
    capabilities: Capabilities,
  ) => readonly PatchOperation[]
  /** What the resource has otherwise, apart from what servers write in their own way. */
  readonly findRest: (
    resource: Resource,
    after: T,
    capabilities: Capabilities,
  ) => readonly PatchOperation[]
  /** Somebody else has the name. */
  readonly nameConflict: Refusal
}

/** Accounts of people. */
export const personKind: RecordKind<ScimPerson> = {
  kind: 'Users',
  keyOf: ({ externalId, userName }) => ({ externalId, name: userName }),
  toBody: (after, { enterprise }) => toPersonBody(after, { withEnterprise: enterprise }),
  findChanges: (before, after, capabilities) =>
    patchPerson(
      after,
      onlyTaken(listDifferences(before, after, { caseless: false }), capabilities),
    ),
  findRest: (resource, after, capabilities) => {
    const { person } = toTargetPerson(resource)
    const fields = listDifferences(person, after, { caseless: true })
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
