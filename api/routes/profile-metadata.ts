import { z } from 'zod'
import { findExistence } from '../../db/profile/reads.ts'
import { defineRoute } from '../guard.ts'

/** `GET /v2/user/metadata/{primaryEmail}`: whether somebody has this address. */
export const getProfileMetadata = defineRoute(
  {
    method: 'GET',
    path: '/v2/user/metadata/{primaryEmail}',
    operationId: 'getProfileMetadata',
    summary: 'Says whether a person with this address exists, here and in LDAP',
    description: 'Whatever the case of the address, and whether the person is active or not.',
    tags: ['profiles'],
    errorStyle: 'cis',
    auth: 'token',
    params: z.object({
      primaryEmail: z.string().refine((value) => !value.includes('\u0000')),
    }),
    responses: {
      200: {
        description: 'Whether there is one',
        schema: z.object({ exists: z.object({ cis: z.boolean(), ldap: z.boolean() }) }),
        example: { exists: { cis: true, ldap: false } },
      },
    },
  },
  async ({ params }, { db }) => ({
    status: 200,
    body: { exists: await findExistence(db, params.primaryEmail) },
  }),
)
