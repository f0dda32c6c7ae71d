import { nameRosterStaging } from '../../db/roster/staging.ts'
import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { twoSchools, user } from '../support/roster-records.ts'
import { startRosterSite, type RosterSite } from '../support/roster-site.ts'

let site: RosterSite
let source: MemorySource
let target: MemoryTarget
let provider: string

beforeAll(async () => {
  site = await startRosterSite()
})
beforeEach(async () => {
  source = new MemorySource()
  target = new MemoryTarget()
  provider = await site.addProvider({ source, target })
  source.put(...twoSchools())
})
afterAll(async () => {
  await site.close()
})

test('of a full pull only what is new to us is staged', async () => {
  await site.sync(provider)
  source.put(user('north-1', 'north', { familyName: 'Married' }))
  const staged: unknown[] = []
  source.beforePage = async ({ stream }) => {
    if (stream !== 'enrollments') return
    const { rows } = await site.database.db.query<{ id: string }>(
      'select id from roster_runs order by created_at desc limit 1',
    )
    const name = nameRosterStaging(rows[0]?.id ?? '', 'users')
    staged.push(...(await site.database.db.query(`select id from ${name}`)).rows)
  }
  expect(await site.sync(provider)).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 20, updated: 1, unchanged: 19 } },
  })
  expect(staged).toEqual([{ id: 'north-1' }])
})

test('in a long page, too, the last word on a record holds', async () => {
  source.put(...twoSchools({ people: 1_050 }))
  source.pageSize = 10_000
  await site.sync(provider)
  const users = [...source.records].filter(([key]) => key.startsWith('users/'))
  for (const [key] of users) source.records.delete(key)
  const [first, ...others] = users
  const passing = user('north-1', 'north', { familyName: 'Passing' })
  const order = [
    ...others.slice(0, 1_999),
    // The last of those that are looked up together.
    ['users/earlier', { op: 'put', ...passing }],
    first,
    ...others.slice(1_999),
  ] as typeof users
  for (const [key, entry] of order) source.records.set(key, entry)
  expect(first?.[0]).toBe('users/north-1')
  const before = target.writes
  expect(await site.sync(provider)).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 2_101, updated: 0, unchanged: 2_100 } },
  })
  expect(target.writes).toBe(before)
})

test('a page that says again what an earlier one took back is the last word', async () => {
  await site.sync(provider)
  source.pageSize = 5
  const north1 = source.records.get('users/north-1')
  const moved = user('north-1', 'north', { familyName: 'Passing' })
  source.records.delete('users/north-1')
  // The other one of the same id stands on an earlier page.
  source.records.set('users/earlier', { op: 'put', ...moved } as NonNullable<typeof north1>)
  const others = [...source.records].filter(
    ([key]) => key.startsWith('users/') && key !== 'users/earlier',
  )
  for (const [key, entry] of others) {
    source.records.delete(key)
    source.records.set(key, entry)
  }
  if (north1) source.records.set('users/north-1', north1)
  const before = target.writes
  expect(await site.sync(provider)).toMatchObject({ state: 'succeeded' })
  expect(target.writes).toBe(before)
  expect(target.read().people['clever:north-1']?.name.familyName).not.toBe('Passing')
})
