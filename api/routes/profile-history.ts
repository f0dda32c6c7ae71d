import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import { listReadablePaths } from '../../core/profile/filter.ts'
import type { Queryable } from '../../db/client.ts'
import { findPerson, listRecordedChanges, type KnownPerson } from '../../db/profile/history.ts'
import { defineRoute } from '../guard.ts'
import { cutPage, pageOf, pageQuery, replyWithPage } from '../page.ts'
import {
  presentRecordedChange,
  recordedChangeExample,
  recordedChangeSchema,
} from '../presenters/profile-history.ts'

const position = z.object({ before: z.int() })

/** The path of one person where no personal data may stand. */
export const personParams = z.object({
  profileId: z.uuid().describe("The person's uuid, or the id in audit entries"),
})

/** `GET /v1/profiles/{profileId}/history`: the changes of a person, newest first. */
export const getProfileHistory = defineRoute(
  {
    method: 'GET',
    path: '/v1/profiles/{profileId}/history',
    operationId: 'getProfileHistory',
    summary: 'Lists the changes of a person, newest first',
    description:
      'Of deleted persons too, until they are purged. Hashes are of the document before and ' +
      'after; names of attributes that the token may not see are left out.',
    tags: ['profiles'],
    auth: { anyScope: ['change:read'] },
    params: personParams,
    query: z.object(pageQuery),
    responses: {
      200: {
        description: 'A page',
        schema: pageOf(recordedChangeSchema),
        example: { items: [recordedChangeExample], next: null },
        headers: { Link: 'The next page' },
      },
    },
    errors: { 404: 'There is no such person' },
  },
  async ({ principal, params, query, url }, { db, cursors }) => {
    const person = await getPerson(db, params.profileId)
    const scope = `profile history ${person.id}`
    const { limit, cursor } = query
    const before =
      cursor === undefined ? undefined : position.parse(cursors.open(scope, cursor)).before
    const found = await listRecordedChanges(db, { profileId: person.id, before, limit: limit + 1 })
    const { items: changes, last } = cutPage(found, limit)
    const visible = new Set(listReadablePaths(person.document, principal.scopes))
    return replyWithPage(url, {
      items: changes.map((change) => presentRecordedChange(change, visible)),
      next: last && cursors.sign(scope, { before: last.serial }),
    })
  },
)

/** The person, deleted or not; throws `profile_not_found` (404). */
export async function getPerson(db: Queryable, id: string): Promise<KnownPerson> {
  const person = await findPerson(db, id)
  if (person) return person
  throw new AppError('profile_not_found', 'Cannot find such a person', { status: 404 })
}
