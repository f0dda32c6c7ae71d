import { z } from 'zod'
import { AppError } from '../core/errors.ts'
import type { Profile } from '../core/profile/document.ts'
import type { VaultProfile } from '../db/profile/reads.ts'
import { createEtag, isCurrent } from './etag.ts'
import type { Reply, ResponseDoc } from './guard.ts'
import { profileExample, profileSchema } from './presenters/profile.ts'
import { activeParam, filterDisplayParam } from './profile-query.ts'

/** What every read of one person takes. */
export const profileQuery = z.object({ active: activeParam, filterDisplay: filterDisplayParam })

/** When a read of one person is a 404. */
export const unknownPerson =
  'There is no such person, or not in the state that `active` names; with `Accept-Version: 2`, or ' +
  'where the service is configured so, 200 and `{}` instead'

/** What a read of one person answers; `schema` and `example` where it shows more than a profile. */
export function describeProfileResponses(
  shown: Pick<ResponseDoc, 'schema' | 'example'> = {},
): Readonly<Record<number, ResponseDoc>> {
  return {
    200: {
      description: 'What the token may see of the person',
      schema: z.union([profileSchema, z.strictObject({})]),
      example: profileExample,
      headers: { ETag: 'The version of the profile' },
      ...shown,
    },
    304: { description: 'The profile still has the version of `If-None-Match`' },
  }
}

export type ProfileReplyOptions = {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Whether the service answers for unknown persons as the reference does. */
  readonly legacyNotFound: boolean
  readonly present: (document: Profile) => unknown
}

/** Answers with a person, or 304; for nobody 404, or what old clients expect. */
export function replyWithProfile(
  found: VaultProfile | undefined,
  { headers, legacyNotFound, present }: ProfileReplyOptions,
): Reply {
  if (!found && (legacyNotFound || headers['accept-version'] === '2'))
    return { status: 200, body: {} }
  if (!found) {
    throw new AppError('profile_not_found', 'Cannot find such a person', { status: 404 })
  }
  const etag = createEtag(found.version)
  if (isCurrent(headers['if-none-match']?.toString(), etag))
    return { status: 304, headers: { ETag: etag } }
  return { status: 200, headers: { ETag: etag }, body: present(found.document) }
}
