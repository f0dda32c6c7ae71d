import type { GroupOrder, PersonOrder, Verdict } from '../../core/roster/target.ts'
import { create, explain, rememberCreated, type Written } from './create.ts'
import { patchAttribute, type PatchOperation } from './patch.ts'
import { planChange, planCreation, planDeletion, type Plan } from './plan.ts'
import { groupKind, personKind, type RecordKind } from './record.ts'
import { toTargetPerson, type Resource } from './resource.ts'
import { fail, succeed, type Refusal } from './verdict.ts'

/** How an order of a person is carried out. */
export function planPerson(order: PersonOrder): Plan<Verdict> {
  switch (order.op) {
    case 'create':
      return planCreation({ id: order.id, after: order.after, record: personKind })
    case 'update':
      return planUpdate(order, personKind)
    case 'deactivate':
      return planDeactivation(order)
    case 'entitle':
      return planEntitlement(order)
    case 'delete':
      return planDeletion(order.id, { kind: 'Users', scimId: order.scimId })
    default:
      return order satisfies never
  }
}

/** How an order of a group is carried out. */
export function planGroup(order: GroupOrder): Plan<Verdict> {
  switch (order.op) {
    case 'create':
      return planCreation({ id: order.id, after: order.after, record: groupKind })
    case 'update':
      return planUpdate(order, groupKind)
    case 'delete':
      return planDeletion(order.id, { kind: 'Groups', scimId: order.scimId })
    default:
      return order satisfies never
  }
}

type Update<T> = {
  readonly id: string
  readonly scimId: string
  readonly before: T
  readonly after: T
}

// Whoever is gone is made again: the verdict then names another scimId.
function planUpdate<T extends Written>(
  { id, scimId, before, after }: Update<T>,
  record: RecordKind<T>,
): Plan<Verdict> {
  return planChange(scimId, {
    id,
    toChange: ({ capabilities }) => ({
      kind: record.kind,
      scimId,
      operations: record.findChanges(before, after, capabilities),
      attributes: record.toChangedBody(before, after, capabilities),
      findRest: (resource) => record.findRest(resource, after, { capabilities, before }),
      externalIds: [before.externalId, after.externalId],
    }),
    async whenGone(creating) {
      creating.directory.forget(scimId)
      return await create({ id, after, record, isUnsure: false }, creating)
    },
    onDone: ({ directory }) => rememberCreated(scimId, { after, record }, directory),
    toRefusal: (refused) => explain(refused, record),
  })
}

// An account that is gone is as inactive as can be.
function planDeactivation({
  id,
  scimId,
  externalId,
}: Extract<PersonOrder, { op: 'deactivate' }>): Plan<Verdict> {
  const operations = [patchAttribute('active', false)]
  return planChange(scimId, {
    id,
    toChange: () => ({
      kind: 'Users',
      scimId,
      operations,
      attributes: { active: false },
      findRest: (resource) => (toTargetPerson(resource).active ? operations : []),
      externalIds: [externalId],
    }),
    whenGone: async ({ context }) =>
      await Promise.resolve(succeed(id, scimId, { outcome: 'done', tries: context.tries })),
  })
}

function planEntitlement({
  id,
  scimId,
  entitlements,
}: Extract<PersonOrder, { op: 'entitle' }>): Plan<Verdict> {
  const value = entitlements.map((entitlement) => ({ value: entitlement }))
  const operations = [patchAttribute('entitlements', value)]
  const findRest = (resource: Resource): readonly PatchOperation[] =>
    isSameSet(toTargetPerson(resource).entitlements, entitlements) ? [] : operations
  return planChange(scimId, {
    id,
    toChange: () => ({
      kind: 'Users',
      scimId,
      operations,
      attributes: { entitlements: value },
      findRest,
      externalIds: [],
    }),
    whenGone: async ({ context }) => await Promise.resolve(fail(id, GONE, context.tries)),
  })
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const [one, other] = [new Set(some), new Set(others)]
  return one.size === other.size && [...one].every((value) => other.has(value))
}

const GONE: Refusal = { code: 'account_gone', message: 'The target has no such account any more' }
