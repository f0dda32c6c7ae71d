import { z } from 'zod'
import { listPersons } from '../../db/profile/lists.ts'
import { defineRoute } from '../guard.ts'
import {
  listedPersonExample,
  listedPersonSchema,
  presentListedPerson,
} from '../presenters/profile.ts'
import { activeParam, nextPageParam, readPersonPage, textParam } from '../profile-query.ts'

/** `GET /v2/users/id/all`: who logs in by one method, for publishers to compare with. */
export const listUserIds = defineRoute(
  {
    method: 'GET',
    path: '/v2/users/id/all',
    operationId: 'listProfileIds',
    summary: 'Lists the ids of all persons of a connection method',
    description: '100 to a page, fewer on the last.',
    tags: ['profiles'],
    errorStyle: 'cis',
    auth: 'token',
    query: z.object({
      connectionMethod: textParam(200).describe(
        '`ad`, `email`, `github`, `google-oauth2`, `oauth2|firefoxaccounts`',
      ),
      active: activeParam,
      nextPage: nextPageParam,
    }),
    responses: {
      200: {
        description: 'A page',
        schema: z.object({
          users: z.array(listedPersonSchema),
          nextPage: z.string().nullable(),
        }),
        example: { users: [listedPersonExample], nextPage: null },
      },
    },
  },
  async ({ query }, { db, cursors }) => {
    const { active, connectionMethod: connection, nextPage } = query
    const page = await readPersonPage(cursors, {
      scope: `profile ids ${JSON.stringify([active, connection])}`,
      nextPage,
      find: async (range) => await listPersons(db, { active, connection, ...range }),
    })
    const users = page.persons.map(presentListedPerson)
    return { status: 200, body: { users, nextPage: page.nextPage } }
  },
)
