import { z } from 'zod'
import { isJurisdiction } from '../../core/license/jurisdictions.ts'
import { foldName } from '../../core/license/fold-name.ts'
import type { StoredProvider } from '../../core/license/stored-license.ts'
import type { Queryable } from '../../db/client.ts'
import { findProvider } from '../../db/providers.ts'
import { listProviders, type ProviderFilter, type ProviderOrder } from '../../db/provider-search.ts'
import { defineRoute } from '../guard.ts'
import { providerExample, providerSchema } from '../presenters/provider-schema.ts'
import { presentProvider } from '../presenters/provider.ts'
import { getCompact, listViews } from '../provider-views.ts'

const MIN_PAGE = 5
const MAX_PAGE = 100
const DEFAULT_PAGE = 50

const directions = { asc: 'asc', ascending: 'asc', desc: 'desc', descending: 'desc' } as const

const namePrefix = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine((name) => foldName(name) !== '', 'must have a letter or a digit')

const filterSchema = z.union(
  [
    z.strictObject({ providerId: z.uuid() }),
    z.strictObject({ jurisdiction: z.string().refine(isJurisdiction, 'is not a jurisdiction') }),
    z.strictObject({ familyName: namePrefix, givenName: namePrefix.optional() }),
  ],
  'must be {providerId}, {jurisdiction}, or {familyName} with or without {givenName}',
)

const bodySchema = z.strictObject({
  query: filterSchema,
  pagination: z
    .strictObject({
      lastKey: z.string().min(1).max(4096).nullish(),
      pageSize: z.int().min(MIN_PAGE).max(MAX_PAGE).default(DEFAULT_PAGE),
    })
    .prefault({}),
  sorting: z
    .strictObject({
      key: z.enum(['familyName', 'dateOfUpdate']).default('familyName'),
      direction: z.enum(['asc', 'ascending', 'desc', 'descending']).default('asc'),
    })
    .prefault({}),
})

type ProviderQuery = z.output<typeof bodySchema>

/** `POST …/providers/query`: one page of a compact's providers, always in the general view. */
export const queryProviders = defineRoute(
  {
    method: 'POST',
    path: '/v1/compacts/{compact}/providers/query',
    operationId: 'queryProviders',
    summary: 'Finds providers by id, jurisdiction or name',
    description:
      'Names match by prefix, whatever their case and accents. `lastKey` of one page, sent with ' +
      'the same query and sorting, gives the next; `prevLastKey` is the one that was sent.',
    tags: ['providers'],
    auth: { anyScope: ['{compact}/readGeneral'] },
    params: z.object({ compact: z.string() }),
    body: {
      kind: 'json',
      schema: bodySchema,
      example: {
        query: { familyName: 'gud' },
        pagination: { pageSize: 5 },
        sorting: { key: 'familyName', direction: 'asc' },
      },
    },
    responses: {
      200: {
        description: 'One page',
        schema: z.object({
          providers: z.array(providerSchema),
          pagination: z.object({
            pageSize: z.int(),
            prevLastKey: z.string().nullable(),
            lastKey: z.string().nullable(),
          }),
        }),
        example: {
          providers: [providerExample],
          pagination: { pageSize: 5, prevLastKey: null, lastKey: null },
        },
      },
    },
    errors: { 404: 'There is no such compact' },
  },
  async ({ params, body }, { config, db, cursors, clock }) => {
    const compact = getCompact(config.compacts, params.compact)
    const { pageSize, lastKey } = body.pagination
    const scope = scopeOf(compact.abbreviation, body)
    const after = lastKey ? positionSchema.parse(cursors.open(scope, lastKey)) : undefined
    const page = await findPage(db, { compact: compact.abbreviation, body, after })
    const views = await listViews(db, page.providers, { compact, now: clock() })
    return {
      status: 200,
      body: {
        providers: views.map((view) => presentProvider(view, 'general')),
        pagination: {
          pageSize,
          prevLastKey: lastKey ?? null,
          lastKey: page.end ? cursors.sign(scope, page.end) : null,
        },
      },
    }
  },
)

const positionSchema = z.array(z.string())

type PageRequest = {
  readonly compact: string
  readonly body: ProviderQuery
  readonly after: readonly string[] | undefined
}

type Page = {
  readonly providers: readonly StoredProvider[]
  /** Where the page ends, when there is more. */
  readonly end: readonly string[] | undefined
}

async function findPage(db: Queryable, request: PageRequest): Promise<Page> {
  const { compact, body, after } = request
  if ('providerId' in body.query) {
    const provider = await findProvider(db, { compact, providerId: body.query.providerId })
    return { providers: provider ? [provider] : [], end: undefined }
  }
  const { pageSize } = body.pagination
  const filter = filterOf(body.query)
  const order = orderOf(body.sorting)
  // One more than asked for tells whether there is a next page.
  const found = await listProviders(db, { compact, filter, order, after, limit: pageSize + 1 })
  const providers = found.slice(0, pageSize)
  return { providers, end: found.length > pageSize ? providers.at(-1)?.position : undefined }
}

function filterOf(query: Exclude<ProviderQuery['query'], { providerId: string }>): ProviderFilter {
  if ('jurisdiction' in query) return { kind: 'jurisdiction', jurisdiction: query.jurisdiction }
  const { familyName, givenName } = query
  return {
    kind: 'name',
    familyKey: foldName(familyName),
    givenKey: givenName === undefined ? undefined : foldName(givenName),
  }
}

function orderOf(sorting: ProviderQuery['sorting']): ProviderOrder {
  return { key: sorting.key, direction: directions[sorting.direction] }
}

// A cursor opens only with the query and the order that it was made for.
function scopeOf(compact: string, { query, sorting }: ProviderQuery): string {
  return `providers ${JSON.stringify([compact, query, orderOf(sorting)])}`
}
