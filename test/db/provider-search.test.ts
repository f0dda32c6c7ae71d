import {
  buildProviderSearch,
  listProviders,
  type ProviderSearch,
} from '../../db/provider-search.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const PROVIDERS = 100_000
// Blocks of 8 kB that a page may touch; reading every provider touches over 1,900.
const BLOCK_BUDGET = 500

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await insertProviders(database)
})
afterAll(async () => await database.close())

const base: ProviderSearch = {
  compact: 'aslp',
  filter: { kind: 'jurisdiction', jurisdiction: 'oh' },
  order: { key: 'familyName', direction: 'asc' },
  after: undefined,
  limit: 51,
}
const byName = (familyKey: string, givenKey?: string): ProviderSearch['filter'] => ({
  kind: 'name',
  familyKey,
  givenKey,
})

const byUpdate = { key: 'dateOfUpdate', direction: 'desc' } as const
const rare = { kind: 'jurisdiction', jurisdiction: 'vi' } as const

test.each<{ title: string; search: Partial<ProviderSearch> }>([
  { title: 'a large jurisdiction by name', search: {} },
  { title: 'a large jurisdiction by update', search: { order: byUpdate } },
  { title: 'a small jurisdiction by name', search: { filter: rare } },
  { title: 'a small jurisdiction by update', search: { filter: rare, order: byUpdate } },
  { title: 'a name by prefix', search: { filter: byName('family12') } },
  { title: 'a broad name by update', search: { filter: byName('f'), order: byUpdate } },
  { title: 'a rare name by update', search: { filter: byName('family12345'), order: byUpdate } },
  { title: 'both names', search: { filter: byName('family1', 'given7') } },
])('one page of $title reads few rows of an index', async ({ search }) => {
  const plan = await explain({ ...base, ...search })
  expect(JSON.stringify(plan)).not.toContain('Seq Scan')
  expect(countBlocks(plan)).toBeLessThan(BLOCK_BUDGET)
})

test('a page far behind costs as little as the first', async () => {
  const plan = await explain({
    ...base,
    after: ['family90000', 'given0', '00000000-0000-0000-0000-000000000000'],
  })
  expect(JSON.stringify(plan)).not.toContain('Seq Scan')
  expect(countBlocks(plan)).toBeLessThan(BLOCK_BUDGET)
})

test.each<{ order: ProviderSearch['order']; filter: ProviderSearch['filter'] }>([
  { order: { key: 'familyName', direction: 'asc' }, filter: rare },
  { order: { key: 'familyName', direction: 'desc' }, filter: rare },
  { order: { key: 'dateOfUpdate', direction: 'asc' }, filter: rare },
  { order: { key: 'dateOfUpdate', direction: 'desc' }, filter: rare },
  { order: { key: 'familyName', direction: 'asc' }, filter: byName('family123') },
  { order: { key: 'dateOfUpdate', direction: 'desc' }, filter: byName('family12', 'given1') },
])(
  'pages by $order.key $order.direction are the whole list, each provider once',
  async (search) => {
    const whole = await listProviders(database.db, { ...base, ...search, limit: 10_000 })
    const paged: string[] = []
    let after: readonly string[] | undefined
    do {
      const page = await listProviders(database.db, { ...base, ...search, after, limit: 37 })
      paged.push(...page.map(({ providerId }) => providerId))
      after = page.at(-1)?.position
    } while (after)
    expect(whole.length).toBeGreaterThan(50)
    expect(paged).toEqual(whole.map(({ providerId }) => providerId))
  },
)

test('another compact sees nothing of these', async () => {
  await expect(listProviders(database.db, { ...base, compact: 'octp' })).resolves.toEqual([])
})

type Plan = {
  readonly Plan: { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number }
}

function countBlocks({ Plan: root }: Plan): number {
  return root['Shared Hit Blocks'] + root['Shared Read Blocks']
}

async function explain(search: ProviderSearch): Promise<Plan> {
  const { text, values } = buildProviderSearch(search)
  const { rows } = await database.db.query<{ 'QUERY PLAN': [Plan] }>(
    `explain (analyze, buffers, format json) ${text}`,
    values,
  )
  const plan = rows[0]?.['QUERY PLAN'][0]
  if (!plan) throw new Error('Cannot read the plan: the answer is empty')
  return plan
}

async function insertProviders({ db }: TestDatabase): Promise<void> {
  await db.query(
    `insert into providers (provider_id, compact, license_jurisdiction, license_type,
       family_name_key, given_name_key, jurisdictions, created_at, updated_at)
     select gen_random_uuid(), 'aslp', place, 'audiologist', 'family' || (n * 7919 % $1::integer),
       'given' || n % 10, array[place], now(), now() - make_interval(secs => n / 3)
     from generate_series(1, $1::integer) n
     cross join lateral (select case when n % 1000 = 0 then 'vi' else 'oh' end as place) places`,
    [PROVIDERS],
  )
  await db.query('analyze providers')
}
