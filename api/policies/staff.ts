import { AppError } from '../../core/errors.ts'
import { findCompact, type Compact, type Compacts } from '../../core/license/compacts.ts'
import {
  findAuthority,
  findExcess,
  listInactive,
  maySeeStaff,
  type Authority,
} from '../../core/staff/administration.ts'
import { noPermissions, type PermissionsChange } from '../../core/staff/permissions.ts'
import type { StaffUser } from '../../db/staff/records.ts'
import type { Principal } from '../principal.ts'

/** The compact and what the principal may administer in it; throws 404 or 403. */
export function getAuthority(
  principal: Principal,
  code: string,
  compacts: Compacts,
): { readonly compact: Compact; readonly authority: Authority } {
  const compact = findCompact(compacts, code)
  if (!compact) {
    throw new AppError('not_found', `Cannot find compact "${code}"`, { status: 404 })
  }
  const authority = findAuthority(principal.scopes, code)
  if (!authority)
    throwBeyond(`it needs the scope "${code}/${code}.admin" or one "${code}/{j}.admin"`)
  return { compact, authority }
}

/** The user, if the administrator may know of them; throws `not_found` (404) as for one who is not there. */
export function assertVisible(
  authority: Authority,
  user: StaffUser | undefined,
): asserts user is StaffUser {
  if (user && maySeeStaff(authority, user.permissions ?? noPermissions)) return
  throw new AppError('not_found', 'Cannot find this staff user in this compact', { status: 404 })
}

/** Throws `inactive_jurisdiction` (400), or 403 where a change goes beyond the authority. */
export function assertMayChange(
  authority: Authority,
  change: PermissionsChange,
  compact: Compact,
): void {
  const [inactive] = listInactive(change, compact.members)
  if (inactive !== undefined) {
    throw new AppError(
      'inactive_jurisdiction',
      `Cannot change permissions in "${inactive}": it is no active member of the compact`,
      { status: 400 },
    )
  }
  const excess = findExcess(authority, change)
  if (excess !== undefined) throwBeyond(`it does not reach ${excess}`)
}

/** Throws `insufficient_scope` (403) with what the authority lacks. */
export function throwBeyond(reason: string): never {
  throw new AppError(
    'insufficient_scope',
    `Cannot administer this with your access token: ${reason}`,
    { status: 403 },
  )
}
