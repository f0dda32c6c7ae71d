import { nameRosterStaging } from '../../db/roster/staging.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { enrollment, school, twoSchools, user } from '../support/roster-records.ts'

type Kept = NonNullable<ReturnType<typeof district.source.records.get>>

const district = setUpDistrict({ records: twoSchools() })

test('of a full pull only what is new to us is staged', async () => {
  await district.sync()
  district.source.put(user('north-1', 'north', { familyName: 'Married' }))
  const staged: unknown[] = []
  district.source.beforePage = async ({ stream }) => {
    if (stream !== 'enrollments') return
    const { rows } = await district.db.query<{ id: string }>(
      'select id from roster_runs order by created_at desc limit 1',
    )
    const name = nameRosterStaging(rows[0]?.id ?? '', 'users')
    staged.push(...(await district.db.query(`select id from ${name}`)).rows)
  }
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 20, updated: 1, unchanged: 19 } },
  })
  expect(staged).toEqual([{ id: 'north-1' }])
})

test('in a long page, too, the last word on a record holds', async () => {
  district.source.put(...twoSchools({ people: 1_050 }))
  district.source.pageSize = 10_000
  await district.sync()
  const users = [...district.source.records].filter(([key]) => key.startsWith('users/'))
  for (const [key] of users) district.source.records.delete(key)
  const [first, ...others] = users
  const passing = user('north-1', 'north', { familyName: 'Passing' })
  const order = [
    ...others.slice(0, 1_999),
    // The last of those that are looked up together.
    ['users/earlier', { op: 'put', ...passing }],
    first,
    ...others.slice(1_999),
  ] as typeof users
  for (const [key, entry] of order) district.source.records.set(key, entry)
  expect(first?.[0]).toBe('users/north-1')
  const before = district.target.writes
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 2_101, updated: 0, unchanged: 2_100 } },
  })
  expect(district.target.writes).toBe(before)
})

test('a page that says again what an earlier one took back is the last word', async () => {
  await district.sync()
  district.source.pageSize = 5
  const north1 = district.source.records.get('users/north-1')
  const moved = user('north-1', 'north', { familyName: 'Passing' })
  district.source.records.delete('users/north-1')
  // The other one of the same id stands on an earlier page.
  district.source.records.set('users/earlier', { op: 'put', ...moved } as NonNullable<
    typeof north1
  >)
  const others = [...district.source.records].filter(
    ([key]) => key.startsWith('users/') && key !== 'users/earlier',
  )
  for (const [key, entry] of others) {
    district.source.records.delete(key)
    district.source.records.set(key, entry)
  }
  if (north1) district.source.records.set('users/north-1', north1)
  const before = district.target.writes
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  expect(district.target.writes).toBe(before)
  expect(district.target.read().people['clever:north-1']?.name.familyName).not.toBe('Passing')
})

test('a page that says what is new, after one that said what is known, is the last word', async () => {
  await district.sync()
  district.source.pageSize = 5
  const married = user('north-1', 'north', { familyName: 'Married' })
  const moved = enrollment('north-1', 'south-1', { id: 'north-2:north-1' })
  for (const later of [married, moved]) {
    district.source.records.set(`${later.collection}/later`, { op: 'put', ...later } as Kept)
  }
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { updated: 1, unchanged: 19 } },
  })
  const { people, groups } = district.target.read()
  expect(people['clever:north-1']?.name.familyName).toBe('Married')
  expect(groups['clever:south-1']).toMatchObject({
    members: expect.arrayContaining(['clever:north-1']) as string[],
  })
  expect(groups['clever:north-2']).toMatchObject({
    members: ['north-3', 'north-5', 'north-7', 'north-9'].map((id) => `clever:${id}`),
  })
})

test('people whose records are as they were follow the name of their school, and back', async () => {
  await district.sync()
  for (const name of ['North High', 'School north']) {
    district.source.put(school('north', name))
    expect(await district.sync()).toMatchObject({
      state: 'succeeded',
      counts: { users: { updated: 10, unchanged: 10 } },
    })
    const { people } = district.target.read()
    expect(people['clever:north-1']?.enterprise.division).toBe(name)
    expect(people['clever:south-1']?.enterprise.division).toBe('School south')
  }
  expect(await district.sync({ mode: 'full' })).toMatchObject({
    counts: { users: { updated: 0, unchanged: 20 } },
  })
})

test('an account that is not as it was written is written again, whatever is known', async () => {
  await district.sync()
  await district.db.query(
    `update roster_accounts set person = person || '{"displayName": "Somebody"}'
     where provider_id = $1 and id = 'north-1'`,
    [district.provider],
  )
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { updated: 1, unchanged: 19 } },
  })
  expect(await readAccount('north-1')).toMatchObject({ displayName: 'Ada Person north-1' })
})

test('what is known of people is as their accounts are', async () => {
  await district.sync()
  const { rows } = await district.db.query<{ person: object }>(
    'select person from roster_users where provider_id = $1 and id = $2',
    [district.provider, 'north-1'],
  )
  expect(rows[0]?.person).toEqual(await readAccount('north-1'))
})

async function readAccount(id: string): Promise<object | undefined> {
  const { rows } = await district.db.query<{ person: object }>(
    'select person from roster_accounts where provider_id = $1 and id = $2',
    [district.provider, id],
  )
  return rows[0]?.person
}
