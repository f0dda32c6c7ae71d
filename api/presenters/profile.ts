import { z } from 'zod'
import { leafPaths } from '../../core/profile/attributes.ts'
import { findAttribute, withAttributes, type Profile } from '../../core/profile/document.ts'
import { filterProfile, type Reader } from '../../core/profile/filter.ts'
import { createNullProfile } from '../../core/profile/null-profile.ts'
import type { ListedPerson } from '../../db/profile/lists.ts'

const EXAMPLE_UUID = 'd0224f82-9d7b-595c-ad37-f56feebd751a'

const group = z.record(z.string(), z.looseObject({}))

/** A profile as a reader sees it: any attribute may be absent, the groups never are. */
export const profileSchema = z
  .looseObject({
    schema: z.string(),
    identities: group,
    access_information: group,
    staff_information: group,
  })
  .describe('A profile v2 (`/.well-known/profile.schema`) without what the token may not see')

/** What the documentation shows of a profile: what a token without scopes sees. */
export const profileExample = createExample()

/** A person in lists of ids. */
export const listedPersonSchema = z.object({
  uuid: z.string(),
  user_id: z.string(),
  primary_email: z.string().nullable(),
  active: z.boolean().nullable(),
})

/** What the documentation shows of a person in lists of ids. */
export const listedPersonExample = {
  uuid: EXAMPLE_UUID,
  user_id: 'ad|Mozilla-LDAP|bgudmunds',
  primary_email: 'bgudmunds@example.com',
  active: true,
}

const rootOrder = ['schema', ...new Set(leafPaths.map((path) => path.split('.')[0] ?? path))]

/** What the reader may see of a profile, in the document's order, which the database does not keep. */
export function presentProfile(document: Profile, reader: Reader): Profile {
  const visible = filterProfile(document, reader)
  const ordered = rootOrder.flatMap((name) => {
    const member = visible[name]
    return member === undefined ? [] : [[name, member] as const]
  })
  return Object.fromEntries(ordered) as Profile // the same members
}

/** A person as lists of ids name them. */
export function presentListedPerson(person: ListedPerson): z.output<typeof listedPersonSchema> {
  const { uuid, userId, primaryEmail, active } = person
  return { uuid, user_id: userId, primary_email: primaryEmail, active }
}

function createExample(): Profile {
  const visible = filterProfile(createNullProfile(), { scopes: new Set() })
  const uuid = findAttribute(visible, 'uuid')
  return uuid
    ? withAttributes(visible, new Map([['uuid', { ...uuid, value: EXAMPLE_UUID }]]))
    : visible
}
