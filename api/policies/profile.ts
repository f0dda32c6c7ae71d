import { AppError } from '../../core/errors.ts'
import { findAttributeRule, type LeafPath } from '../../core/profile/attributes.ts'
import { coversClassification, type Reader } from '../../core/profile/filter.ts'
import type { Principal } from '../principal.ts'

/** What a principal sees of profiles, narrowed as the request asks. */
export function toReader(principal: Principal, filterDisplay?: string): Reader {
  return { scopes: principal.scopes, filterDisplay }
}

/** Throws `insufficient_scope` (403) unless the principal's classifications cover what it searches by. */
export function assertSearchable(principal: Principal, attributes: readonly LeafPath[]): void {
  for (const attribute of attributes) {
    const classification = findAttributeRule(attribute)?.classification
    if (classification && coversClassification(classification, principal.scopes)) continue
    throw new AppError(
      'insufficient_scope',
      `Cannot search by "${attribute}": your access token has no scope for its classification`,
      { status: 403 },
    )
  }
}
