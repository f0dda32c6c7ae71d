import { z } from 'zod'
import { isJurisdiction } from '../license/jurisdictions.ts'

export const compactActions = ['admin', 'readPrivate', 'readSSN'] as const
export const jurisdictionActions = ['write', 'admin', 'readPrivate', 'readSSN'] as const
export type CompactAction = (typeof compactActions)[number]
export type JurisdictionAction = (typeof jurisdictionActions)[number]

/** What a staff user may do in one compact: on its level, and in single jurisdictions. */
export type StaffPermissions = {
  readonly actions: readonly CompactAction[]
  readonly jurisdictions: Readonly<Record<string, readonly JurisdictionAction[]>>
}

/** A change of permissions in one compact: `true` grants an action, `false` revokes it. */
export type PermissionsChange = z.output<typeof permissionsChange>

const jurisdictionCode = z.string().refine(isJurisdiction, 'is not a jurisdiction code')

/** The form in which permissions are written and read, such as `{"actions":{"admin":true}}`. */
export const permissionsChange = z.strictObject({
  actions: z.strictObject(flagsOf(compactActions)).optional(),
  jurisdictions: z
    .record(
      jurisdictionCode,
      z.strictObject({ actions: z.strictObject(flagsOf(jurisdictionActions)).optional() }),
    )
    .optional(),
})

const storedPermissions: z.ZodType<StaffPermissions> = z.strictObject({
  actions: z.array(z.enum(compactActions)),
  jurisdictions: z.record(jurisdictionCode, z.array(z.enum(jurisdictionActions))),
})

/** The permissions of somebody who has none. */
export const noPermissions: StaffPermissions = { actions: [], jurisdictions: {} }

/** Stored permissions; undefined where they cannot be understood: then they grant nothing at all. */
export function parsePermissions(stored: unknown): StaffPermissions | undefined {
  return storedPermissions.safeParse(stored).data
}

/** The permissions after a change; a jurisdiction without any action is no longer named. */
export function changePermissions(
  permissions: StaffPermissions,
  change: PermissionsChange,
): StaffPermissions {
  const codes = new Set([
    ...Object.keys(permissions.jurisdictions),
    ...Object.keys(change.jurisdictions ?? {}),
  ])
  const jurisdictions = [...codes].toSorted().map((code) => {
    const before = permissions.jurisdictions[code] ?? []
    const flags = change.jurisdictions?.[code]?.actions
    return [code, changeActions(jurisdictionActions, before, flags)] as const
  })
  return {
    actions: changeActions(compactActions, permissions.actions, change.actions),
    jurisdictions: Object.fromEntries(jurisdictions.filter(([, actions]) => actions.length > 0)),
  }
}

/** True when somebody may do nothing in the compact. */
export function isWithoutPermissions(permissions: StaffPermissions): boolean {
  return permissions.actions.length === 0 && Object.keys(permissions.jurisdictions).length === 0
}

/** Permissions in the form of the API: each action that is held, as `true`. */
export function formatPermissions(permissions: StaffPermissions): PermissionsChange {
  const jurisdictions = Object.entries(permissions.jurisdictions).map(([code, actions]) => [
    code,
    { actions: toFlags(actions) },
  ])
  return { actions: toFlags(permissions.actions), jurisdictions: Object.fromEntries(jurisdictions) }
}

function flagsOf<const A extends string>(
  actions: readonly A[],
): Record<A, z.ZodOptional<z.ZodBoolean>> {
  const flags = actions.map((action) => [action, z.boolean().optional()])
  return Object.fromEntries(flags) as Record<A, z.ZodOptional<z.ZodBoolean>> // one per action
}

function changeActions<A extends string>(
  all: readonly A[],
  before: readonly A[],
  flags: Readonly<Partial<Record<A, boolean | undefined>>> | undefined,
): A[] {
  return all.filter((action) => flags?.[action] ?? before.includes(action))
}

function toFlags<A extends string>(actions: readonly A[]): Partial<Record<A, boolean>> {
  const flags = actions.map((action) => [action, true])
  return Object.fromEntries(flags) as Partial<Record<A, boolean>> // of these actions
}
