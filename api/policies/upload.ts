import { AppError } from '../../core/errors.ts'
import { findCompact, isMember, type Compact, type Compacts } from '../../core/license/compacts.ts'
import type { Place } from '../../db/upload-progress.ts'
import type { Upload } from '../../db/uploads.ts'
import { assertScope } from '../authenticate.ts'
import type { Principal } from '../principal.ts'

const FINE_WRITE_SCOPE = /^([a-z]+)\/([a-z]{2})\.write$/

/**
 * The compact whose jurisdiction's licenses the principal may write. Throws `not_found` (404) for a
 * place that takes no uploads, `insufficient_scope` (403) without `{compact}/{jurisdiction}.write`:
 * the coarse `{compact}/write` alone opens nothing.
 */
export function getWritableCompact(
  principal: Principal,
  place: Place,
  compacts: Compacts,
): Compact {
  const compact = findCompact(compacts, place.compact)
  if (!compact || !isMember(compact, place.jurisdiction)) {
    throw new AppError(
      'not_found',
      'Cannot find this jurisdiction in this compact: name a compact and one of its members',
      { status: 404 },
    )
  }
  assertScope(principal, { anyScope: ['{compact}/{jurisdiction}.write'] }, place)
  return compact
}

/** True when the principal may see and end this upload: who may write for its jurisdiction and tenant. */
export function maySeeUpload(principal: Principal, upload: Upload): boolean {
  return maySeePlaceOf(principal, upload)
}

/** True when the principal may write for the jurisdiction, and tenant, that this belongs to. */
export function maySeePlaceOf(
  principal: Principal,
  belonging: Pick<Upload, 'compact' | 'jurisdiction' | 'tenant'>,
): boolean {
  const { compact, jurisdiction, tenant } = belonging
  if (!principal.scopes.has(`${compact}/${jurisdiction}.write`)) return false
  return tenant === undefined || principal.tenant === undefined || tenant === principal.tenant
}

/** The places whose uploads the principal may see. */
export function listUploadPlaces(principal: Principal): Place[] {
  return [...principal.scopes].flatMap((scope) => {
    const [, compact, jurisdiction] = FINE_WRITE_SCOPE.exec(scope) ?? []
    return compact === undefined || jurisdiction === undefined ? [] : [{ compact, jurisdiction }]
  })
}
