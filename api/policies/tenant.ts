import { AppError } from '../../core/errors.ts'
import type { Principal } from '../principal.ts'

/** Throws `not_found` (404) unless the token is of this tenant: what another one has is not said. */
export function assertOwnTenant(principal: Principal, tenant: string): void {
  if (principal.tenant === tenant) return
  throw new AppError('not_found', 'Cannot find what this path names', { status: 404 })
}
