import type { StaffPermissions } from './permissions.ts'

/** A staff user's record in one compact; undefined permissions are ones that cannot be understood. */
export type StaffRecord = {
  readonly compact: string
  readonly status: 'active' | 'inactive'
  readonly permissions: StaffPermissions | undefined
}

// Authorizers protect endpoints by these, whichever jurisdiction it is about.
const COARSE_ACTIONS: ReadonlySet<string> = new Set(['write', 'admin'])

/**
 * The scopes of a staff user: `profile`, and for each active record the general view, the coarse
 * scopes by which endpoints are protected, and the fine ones by which they decide. Undefined when a
 * record cannot be understood: then there are none at all.
 */
export function listStaffScopes(records: readonly StaffRecord[]): string[] | undefined {
  const scopes = new Set(['profile'])
  for (const { compact, status, permissions } of records) {
    if (permissions === undefined) return undefined
    if (status === 'inactive') continue
    for (const scope of listCompactScopes(compact, permissions)) scopes.add(scope)
  }
  return [...scopes]
}

function listCompactScopes(compact: string, permissions: StaffPermissions): string[] {
  const holders: [string, readonly string[]][] = [
    [compact, permissions.actions],
    ...Object.entries(permissions.jurisdictions),
  ]
  const held = holders.flatMap(([holder, actions]) => actions.map((action) => ({ holder, action })))
  const coarse = held.filter(({ action }) => COARSE_ACTIONS.has(action))
  return [
    `${compact}/readGeneral`,
    ...coarse.map(({ action }) => `${compact}/${action}`),
    ...held.map(({ holder, action }) => `${compact}/${holder}.${action}`),
  ]
}
