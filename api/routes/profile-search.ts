import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { Reader } from '../../core/profile/filter.ts'
import {
  searchKinds,
  toCondition,
  type SearchAttribute,
  type SearchTerm,
} from '../../core/profile/search.ts'
import { listPersons, listProfiles, type ListedPerson } from '../../db/profile/lists.ts'
import type { VaultProfile } from '../../db/profile/reads.ts'
import { defineRoute } from '../guard.ts'
import { assertSearchable, toReader } from '../policies/profile.ts'
import {
  listedPersonExample,
  listedPersonSchema,
  presentListedPerson,
  presentProfile,
  profileSchema,
} from '../presenters/profile.ts'
import {
  activeParam,
  filterDisplayParam,
  flagParam,
  nextPageParam,
  readPersonPage,
  textParam,
  truthParam,
} from '../profile-query.ts'

const NOT = 'not_'
const MAX_TEXT = 1000

const descriptions = {
  group: 'A group that the person is in',
  truth: 'Whether the person is one',
  text: 'What the text contains',
} as const

const attributes = Object.keys(searchKinds) as SearchAttribute[] // the keys are the names

const searchQuery = z.object({
  ...createTermParams(),
  exact: flagParam.describe('Texts must be equal, not only contain what is given'),
  active: activeParam,
  fullProfiles: flagParam.describe('Adds `profile`, as one read of it shows it'),
  filterDisplay: filterDisplayParam,
  nextPage: nextPageParam,
})

const matchSchema = listedPersonSchema.extend({
  id: z.string().describe('The user id'),
  profile: profileSchema.optional(),
})

type Match = ListedPerson & Partial<VaultProfile>

/** `GET /v2/users/id/all/by_attribute_contains`: persons by what they are or are in. */
export const searchUsers = defineRoute(
  {
    method: 'GET',
    path: '/v2/users/id/all/by_attribute_contains',
    operationId: 'searchProfiles',
    summary: 'Finds persons by groups and staff attributes',
    description:
      'All conditions hold, at least one is needed, and each may be given more than once. Groups ' +
      'are named whole, truth values are `true` or `false`, texts are found by any part, case ' +
      'and all. `not_…` turns a condition round and so finds those in whom the attribute is null.',
    tags: ['profiles'],
    errorStyle: 'cis',
    auth: { anyScope: ['search:all'] },
    query: searchQuery,
    strictQuery: true,
    responses: {
      200: {
        description: 'A page; 100 to each, fewer on the last',
        schema: z.object({ users: z.array(matchSchema), nextPage: z.string().nullable() }),
        example: {
          users: [{ id: listedPersonExample.user_id, ...listedPersonExample }],
          nextPage: null,
        },
      },
    },
    errors: { 403: 'The token has no scope for the classification of an attribute searched by' },
  },
  async ({ principal, query }, { db, cursors }) => {
    const { active, exact, fullProfiles, filterDisplay, nextPage } = query
    const terms = listTerms(query)
    assertSearchable(
      principal,
      terms.map(({ attribute }) => attribute),
    )
    const conditions = terms.map((term) => toCondition(term, { exact }))
    const list = fullProfiles ? listProfiles : listPersons
    const page = await readPersonPage(cursors, {
      scope: `profile search ${JSON.stringify([active, conditions])}`,
      nextPage,
      find: async (range): Promise<Match[]> => await list(db, { active, conditions, ...range }),
    })
    const reader = toReader(principal, filterDisplay)
    const users = page.persons.map((person) => presentMatch(person, reader))
    return { status: 200, body: { users, nextPage: page.nextPage } }
  },
)

function createTermParams(): Record<string, z.ZodOptional<z.ZodArray<z.ZodType<string>>>> {
  const text = textParam(MAX_TEXT)
  const schemas = { group: text, text, truth: truthParam }
  const params = attributes.flatMap((attribute) => {
    const values = z.array(schemas[searchKinds[attribute]]).optional()
    return [
      [attribute, values.describe(descriptions[searchKinds[attribute]])],
      [`${NOT}${attribute}`, values.describe(`Not: ${descriptions[searchKinds[attribute]]}`)],
    ] as const
  })
  return Object.fromEntries(params)
}

function listTerms(query: Readonly<Record<string, unknown>>): SearchTerm[] {
  const terms = attributes.flatMap((attribute) =>
    [false, true].flatMap((negated) => {
      const texts = query[negated ? `${NOT}${attribute}` : attribute] as string[] | undefined // by its schema
      return (texts ?? []).map((text) => ({ attribute, negated, text }))
    }),
  )
  if (terms.length > 0) return terms
  throw new AppError(
    'invalid_query',
    `Cannot search by nothing: give one of ${attributes.join(', ')}`,
    { status: 400 },
  )
}

function presentMatch({ document, ...person }: Match, reader: Reader): object {
  const listed = { id: person.userId, ...presentListedPerson(person) }
  return document ? { ...listed, profile: presentProfile(document, reader) } : listed
}
