import { z } from 'zod'
import { listProfiles } from '../../db/profile/lists.ts'
import { defineRoute } from '../guard.ts'
import { toReader } from '../policies/profile.ts'
import { presentProfile, profileExample, profileSchema } from '../presenters/profile.ts'
import {
  activeParam,
  filterDisplayParam,
  nextPageParam,
  readPersonPage,
  textParam,
} from '../profile-query.ts'

/** `GET /v2/users`: persons with their profiles, page by page. */
export const listUsers = defineRoute(
  {
    method: 'GET',
    path: '/v2/users',
    operationId: 'listProfiles',
    summary: 'Lists persons with their profiles',
    description:
      'In no order that means anything, but the same on every page; 100 to a page, fewer on the ' +
      'last. The token sees of each what it would see of one.',
    tags: ['profiles'],
    errorStyle: 'cis',
    auth: 'token',
    query: z.object({
      primaryEmail: textParam(1000).optional().describe('Only persons with this address'),
      filterDisplay: filterDisplayParam,
      active: activeParam,
      nextPage: nextPageParam,
    }),
    responses: {
      200: {
        description: 'A page',
        schema: z.object({ Items: z.array(profileSchema), nextPage: z.string().nullable() }),
        example: { Items: [profileExample], nextPage: null },
      },
    },
  },
  async ({ principal, query }, { db, cursors }) => {
    const { active, primaryEmail, filterDisplay, nextPage } = query
    const page = await readPersonPage(cursors, {
      scope: `profiles ${JSON.stringify([active, primaryEmail])}`,
      nextPage,
      find: async (range) => await listProfiles(db, { active, primaryEmail, ...range }),
    })
    const reader = toReader(principal, filterDisplay)
    const items = page.persons.map(({ document }) => presentProfile(document, reader))
    return { status: 200, body: { Items: items, nextPage: page.nextPage } }
  },
)
