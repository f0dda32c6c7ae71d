import { z } from 'zod'
import { findProfile, type ProfileKey } from '../../db/profile/reads.ts'
import { defineRoute, type Route } from '../guard.ts'
import { toReader } from '../policies/profile.ts'
import { presentProfile } from '../presenters/profile.ts'
import {
  describeProfileResponses,
  profileQuery,
  replyWithProfile,
  unknownPerson,
} from '../profile-reply.ts'

const ENCODED = /%[\da-f]{2}/i

const names: Readonly<Record<ProfileKey, string>> = {
  user_id: 'user id, such as `ad|Mozilla-LDAP|bgudmunds`',
  uuid: 'uuid',
  primary_email: 'primary e-mail address, whatever its case',
  primary_username: 'primary username',
}

/** `GET /v2/user/user_id/{value}`, and the same by uuid, primary_email and primary_username. */
export const profileByKeyRoutes: readonly Route[] = [
  createRoute('user_id'),
  createRoute('uuid'),
  createRoute('primary_email'),
  createRoute('primary_username'),
]

function createRoute(key: ProfileKey): Route {
  return defineRoute(
    {
      method: 'GET',
      path: `/v2/user/${key}/{value}`,
      operationId: `getProfileBy_${key}`,
      summary: `Reads a person by ${key}`,
      description:
        'Shows attributes that are PUBLIC and displayed to everybody; each scope ' +
        '`classification:…` and `display:…` adds one class or audience, `read:fullprofile` and ' +
        '`display:all` every one.',
      tags: ['profiles'],
      errorStyle: 'cis',
      auth: 'token',
      params: z.object({ value: createKeySchema(names[key]) }),
      query: profileQuery,
      responses: describeProfileResponses(),
      errors: { 404: unknownPerson },
    },
    async ({ principal, params, query, headers }, { db, config }) => {
      const reader = toReader(principal, query.filterDisplay)
      const lookup = { key, value: params.value, active: query.active }
      return replyWithProfile(await findProfile(db, lookup), {
        headers,
        legacyNotFound: config.profiles.legacyNotFound,
        present: (document) => presentProfile(document, reader),
      })
    },
  )
}

function createKeySchema(name: string): z.ZodType<string> {
  return z
    .string()
    .transform(decodeAgain)
    .refine((value) => !value.includes('\u0000'))
    .describe(`The ${name}, URL-encoded`)
}

// Old clients encode ids before their HTTP library does.
function decodeAgain(value: string): string {
  if (!ENCODED.test(value)) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
