import type { StoredProvider } from '../core/license/stored-license.ts'
import type { Queryable } from './client.ts'

/** What to look for; name keys are folded by the caller and match by prefix. */
export type ProviderFilter =
  | { readonly kind: 'jurisdiction'; readonly jurisdiction: string }
  | { readonly kind: 'name'; readonly familyKey: string; readonly givenKey: string | undefined }

export type ProviderOrder = {
  readonly key: 'familyName' | 'dateOfUpdate'
  readonly direction: 'asc' | 'desc'
}

/** Where a page ended: the sort keys of its last provider. */
export type ProviderPosition = readonly string[]

export type ProviderSearch = {
  readonly compact: string
  readonly filter: ProviderFilter
  readonly order: ProviderOrder
  readonly after: ProviderPosition | undefined
  readonly limit: number
}

/** Without the SSN's last digits: no search shows them. */
export type FoundProvider = StoredProvider & { readonly position: ProviderPosition }

// Sorts after every string that begins with what stands before it, as UTF-8 bytes compare.
const LAST_CHARACTER = '\u{10FFFF}'

const ORDERS = {
  familyName: {
    columns: ['p.family_name_key', 'p.given_name_key', 'p.provider_id'],
    types: ['text', 'text', 'uuid'],
  },
  dateOfUpdate: {
    columns: ['p.updated_at', 'p.provider_id'],
    types: ['timestamptz', 'uuid'],
  },
} as const

/** One page of a compact's providers in the order asked for; at most `limit` rows. */
export async function listProviders(
  db: Queryable,
  search: ProviderSearch,
): Promise<FoundProvider[]> {
  const { text, values } = buildProviderSearch(search)
  const { rows } = await db.query<FoundProvider>(text, values)
  return rows
}

/** The statement that `listProviders` runs; values travel as parameters only. */
export function buildProviderSearch(search: ProviderSearch): { text: string; values: unknown[] } {
  const values: unknown[] = [search.compact, search.limit]
  const bind = (value: unknown, type: string): string => `$${values.push(value)}::${type}`
  const { columns, types } = ORDERS[search.order.key]
  const conditions = ['p.compact = $1::text', ...filterConditions(search.filter, bind)]
  if (search.after) {
    const keys = types.map((type, index) => bind(search.after?.[index], type))
    const comparison = search.order.direction === 'asc' ? '>' : '<'
    conditions.push(`(${columns.join(', ')}) ${comparison} (${keys.join(', ')})`)
  }
  const order = columns.map((column) => `${column} ${search.order.direction}`).join(', ')
  const text = `
    select p.provider_id as "providerId", p.compact,
           p.license_jurisdiction as "licenseJurisdiction", p.license_type as "licenseType",
           p.home_jurisdiction as "homeJurisdiction", null as "ssnLastFour",
           p.updated_at as "updatedAt",
           array[${columns.map((column) => `${column}::text`).join(', ')}] as position
      from providers p
     where ${conditions.join(' and ')}
     order by ${order}
     limit $2::integer`
  return { text, values }
}

function filterConditions(
  filter: ProviderFilter,
  bind: (value: unknown, type: string) => string,
): string[] {
  if (filter.kind === 'jurisdiction')
    return [`p.jurisdictions @> array[${bind(filter.jurisdiction, 'text')}]`]
  const conditions = startsWith('p.family_name_key', filter.familyKey, bind)
  if (filter.givenKey === undefined) return conditions
  return [...conditions, ...startsWith('p.given_name_key', filter.givenKey, bind)]
}

function startsWith(
  column: string,
  prefix: string,
  bind: (value: unknown, type: string) => string,
): string[] {
  return [
    `${column} >= ${bind(prefix, 'text')}`,
    `${column} < ${bind(prefix + LAST_CHARACTER, 'text')}`,
  ]
}
