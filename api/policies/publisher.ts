import { AppError } from '../../core/errors.ts'
import { publisherNames, type PublisherName } from '../../core/profile/document.ts'
import type { Principal } from '../principal.ts'

/** The publisher that the token belongs to; throws `invalid_publisher` (403) without one. */
export function getPublisher(principal: Principal): PublisherName {
  const found = publisherNames.find((name) => name === principal.publisher)
  if (found !== undefined) return found
  throw new AppError(
    'invalid_publisher',
    `Cannot act for a publisher with this access token: its claim for it has to name one of ${publisherNames.join(', ')}`,
    { status: 403 },
  )
}

/** Whose changes the principal may read: undefined for everybody's, with the scope `change:read`. */
export function findReadablePublisher(principal: Principal): PublisherName | undefined {
  return principal.scopes.has('change:read') ? undefined : getPublisher(principal)
}
