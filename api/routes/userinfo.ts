import { z } from 'zod'
import { listGroups } from '../../core/profile/groups.ts'
import { findProfile } from '../../db/profile/reads.ts'
import { defineRoute } from '../guard.ts'
import { toReader } from '../policies/profile.ts'
import { presentProfile, profileExample, profileSchema } from '../presenters/profile.ts'
import {
  describeProfileResponses,
  profileQuery,
  replyWithProfile,
  unknownPerson,
} from '../profile-reply.ts'

const withGroups = profileSchema.extend({
  groups: z.array(z.string()).describe('Of LDAP as they are, others as `<publisher>_<group>`'),
})

/** `GET /userinfo`: the person that the token is about, and their groups. */
export const getUserinfo = defineRoute(
  {
    method: 'GET',
    path: '/userinfo',
    operationId: 'getUserinfo',
    summary: "Reads the profile of the token's subject",
    description:
      'For the login rule of an identity provider, or a relying party that refreshes what it knows. ' +
      "The token's `sub` is the user id; groups that the token may not see are not listed.",
    tags: ['profiles'],
    errorStyle: 'cis',
    auth: 'token',
    query: profileQuery,
    responses: describeProfileResponses({
      schema: z.union([withGroups, z.strictObject({})]),
      example: { ...profileExample, groups: ['vpn', 'mozilliansorg_chess'] },
    }),
    errors: { 404: unknownPerson },
  },
  async ({ principal, query, headers }, { db, config }) => {
    const reader = toReader(principal, query.filterDisplay)
    const lookup = { key: 'user_id', value: principal.subject, active: query.active } as const
    return replyWithProfile(await findProfile(db, lookup), {
      headers,
      legacyNotFound: config.profiles.legacyNotFound,
      present: (document) => {
        const visible = presentProfile(document, reader)
        return { ...visible, groups: listGroups(visible) }
      },
    })
  },
)
