import { nameRosterStaging } from '../../db/roster/staging.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { twoSchools, user } from '../support/roster-records.ts'

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
