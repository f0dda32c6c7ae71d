import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { findAnyRosterProvider, updateRosterProvider } from '../../db/roster/providers.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { waitUntil } from '../support/polling.ts'
import { enrollment, twoSchools, user } from '../support/roster-records.ts'
import type { RunChange } from '../support/roster-site.ts'

const district = setUpDistrict({ records: twoSchools() })

async function query(text: string): Promise<void> {
  await district.db.query(text, [district.provider])
}

async function forget(): Promise<void> {
  await query('delete from roster_settled where provider_id = $1')
}

function outcomeOf({ state, counts, guard, planHash, warnings }: RosterRun): object {
  return { state, counts, guard, planHash, warnings }
}

test.each<RunChange>([{ mode: 'full' }, { mode: 'incremental' }, { dryRun: true }])(
  'a run that finds everything settled says what one says that works its plan out: %j',
  async (change) => {
    const namesake = { email: 'SOUTH-1@district.example' }
    district.source.put(user('gone', 'north'), user('disabled', 'north', { isEnabled: false }))
    district.source.put(user('namesake', 'south', namesake), enrollment('nobody', 'south-1'))
    await district.sync()
    district.source.remove('users', 'gone')
    const first = await district.sync()
    const { writes } = district.target
    const settled = await district.sync(change)
    await forget()
    const planned = await district.sync(change)
    expect([first.settledBy, settled.settledBy, planned.settledBy]).toEqual([null, first.id, null])
    expect(outcomeOf(settled)).toEqual(outcomeOf(planned))
    expect(settled.counts.users).toMatchObject({ unchanged: 21, updated: 0 })
    expect(district.target.writes).toBe(writes)
  },
)

test('what a settled run leaves is settled still, until something is written', async () => {
  const first = await district.sync()
  await district.sync()
  await district.sync({ mode: 'incremental' })
  expect(await district.sync()).toMatchObject({ settledBy: first.id })
  district.source.put(user('north-1', 'north', { familyName: 'Married' }))
  const second = await district.sync({ mode: 'incremental' })
  expect(second).toMatchObject({ settledBy: null, counts: { users: { updated: 1 } } })
  expect(await district.sync()).toMatchObject({ settledBy: null })
})

test.each([
  ['a record that is new', () => district.source.put(user('new', 'north')), { created: 1 }],
  ['a record that changed', () => district.source.put(user('north-1', 'south')), { updated: 1 }],
  ['a record that is gone', () => district.source.remove('users', 'south-10'), { deactivated: 1 }],
  [
    'a membership that is gone',
    () => district.source.remove('enrollments', 'south-1:south-10'),
    {},
  ],
])('%s is seen by a full run', async (_name, act, counts) => {
  await district.sync()
  const before = JSON.stringify(district.target.read())
  act()
  expect(await district.sync()).toMatchObject({ settledBy: null, counts: { users: counts } })
  expect(JSON.stringify(district.target.read())).not.toBe(before)
})

test.each([
  ['an account', `delete from roster_accounts where provider_id = $1 and id = 'north-1'`],
  [
    'a field',
    `update roster_accounts set person = person - 'name' where provider_id = $1 and id = 'north-1'`,
  ],
  ['a group', `delete from roster_groups where provider_id = $1 and id = 'north'`],
  [
    'a name',
    `update roster_groups set display_name = 'Other' where provider_id = $1 and id = 'north'`,
  ],
  ['a member', `delete from roster_members where provider_id = $1 and user_id = 'north-1'`],
])('whoever writes to what was applied voids it: %s', async (_name, text) => {
  await district.sync()
  await query(text)
  const { writes } = district.target
  expect(await district.sync()).toMatchObject({ settledBy: null })
  expect(district.target.writes).toBeGreaterThan(writes)
})

test.each([
  `update roster_users set is_wanted = false where provider_id = $1 and id = 'north-1'`,
  `delete from roster_records where provider_id = $1 and id = 'north'`,
  `insert into roster_enrollments (provider_id, id, user_id, section_id, role, seen_at)
   values ($1, 'new', 'north-1', 'south-1', 'student', now())`,
])('whoever writes to what is known voids it: %s', async (text) => {
  await district.sync()
  await query(text)
  expect(await district.sync({ mode: 'incremental' })).toMatchObject({ settledBy: null })
})

test('one provider voids nothing of another', async () => {
  const first = await district.sync()
  const other = new MemorySource()
  other.put(...twoSchools())
  const { site } = district
  await site.sync(await site.addProvider({ source: other, target: new MemoryTarget() }))
  expect(await district.sync()).toMatchObject({ settledBy: first.id })
})

test('other rules are followed, other manners of running are not news', async () => {
  const first = await district.sync()
  const change = async (settings: object, isOtherRoster: boolean): Promise<void> => {
    const { db, provider } = district
    const found = await findAnyRosterProvider(db, provider)
    if (!found) throw new Error('Cannot find the provider')
    const { tenant, version } = found
    const changed = { ...found.settings, ...settings }
    const key = { tenant, id: provider }
    await updateRosterProvider(db, { ...key, version, isOtherRoster, settings: changed })
  }
  await change({ timeZone: 'America/Chicago' }, false)
  expect(await district.sync()).toMatchObject({ settledBy: first.id })
  await change({ name: 'Winter Valley' }, true)
  expect(await district.sync()).toMatchObject({ settledBy: null })
})

test('a day by which a membership begins or ends is acted on', async () => {
  district.source.put(
    enrollment('north-1', 'south-1', { beginDate: '2021-03-01' }),
    enrollment('north-2', 'south-1', { endDate: '2021-05-31' }),
  )
  const first = await district.sync()
  const settledSince = async (day: string): Promise<boolean> => {
    await district.db.query(
      'update roster_runs set plan_day = $2 where provider_id = $1 and plan_day is not null',
      [district.provider, day],
    )
    const { settledBy } = await district.sync({ dryRun: true })
    return settledBy === first.id
  }
  expect(await settledSince('2021-02-28')).toBe(false)
  expect(await settledSince('2021-03-01')).toBe(false)
  expect(await settledSince('2021-05-31')).toBe(false)
  expect(await settledSince('2021-06-01')).toBe(true)
})

test('an account whose time has come is deleted', async () => {
  const scim = { baseUrl: 'https://scim.example/d', auth: { type: 'bearer', token: 'target-1' } }
  const settings = { scim: { ...scim, deleteAfter: 'P30D' } }
  await district.reconnect(settings)
  district.source.put(user('gone', 'north'))
  await district.sync()
  district.source.remove('users', 'gone')
  const left = await district.sync()
  expect(await district.sync()).toMatchObject({ settledBy: left.id })
  await query(
    `update roster_accounts set deactivated_at = now() - interval '29 days'
     where provider_id = $1 and not is_active`,
  )
  const young = await district.sync()
  // What was written voids it, so that this one is the next to be marked.
  expect(await district.sync()).toMatchObject({ settledBy: young.id })
  const moved = { ...settings.scim, deleteAfter: 'P20D' }
  await district.db.query(
    `update roster_providers set settings = settings || $2::jsonb where id = $1`,
    [district.provider, JSON.stringify({ scim: moved })],
  )
  expect(await district.sync()).toMatchObject({
    settledBy: null,
    counts: { users: { deactivated: 1 } },
  })
})

test('nothing is settled after a run with errors, a limited one, long ago, or by another release', async () => {
  district.target.refused.add('north-1')
  expect(await district.sync()).toMatchObject({ state: 'partial' })
  district.target.refused.clear()
  await district.sync({ selection: { types: ['users'] } })
  expect(await district.sync({ addsOnly: true })).toMatchObject({ settledBy: null })
  const planned = await district.sync()
  expect(planned).toMatchObject({ settledBy: null })
  expect(await district.sync({ addsOnly: true })).toMatchObject({ settledBy: null })
  expect(await district.sync()).toMatchObject({ settledBy: planned.id })
  await query(
    `update roster_runs set started_at = started_at - interval '8 days' where provider_id = $1`,
  )
  expect(await district.sync()).toMatchObject({ settledBy: null })
  await query(`update roster_runs set release = 'another' where provider_id = $1`)
  expect(await district.sync()).toMatchObject({ settledBy: null })
})

test('a run that was held settles nothing: others may have written meanwhile', async () => {
  const guard = { deactivations: { atLeast: 1, percent: 0 } }
  await district.reconnect({ guard })
  await district.sync()
  for (const id of ['north-1', 'north-2']) district.source.remove('users', id)
  const held = await district.sync()
  expect(held).toMatchObject({ state: 'held' })
  await district.site.vote(held, 'approve')
  await waitUntil(
    'the run goes on',
    async () => (await district.site.getRun(held.id)).state !== 'held',
  )
  expect(await district.site.waitForEnd(held.id)).toMatchObject({ state: 'succeeded' })
  expect(await district.sync()).toMatchObject({ settledBy: null, state: 'succeeded' })
})

test('seats are given by a settled run, too', async () => {
  const first = await district.sync()
  const product = `art-${district.provider}`
  const settings = seatPoolSchema.parse({ capacity: 50, overLimit: { policy: 'hard' }, rule: {} })
  await putSeatPool(district.db, { tenant: district.site.tenant, product, settings })
  expect(await district.sync()).toMatchObject({ settledBy: first.id, state: 'succeeded' })
  const entitled = [...district.target.entitlements.values()].filter((products) =>
    products.includes(product),
  )
  expect(entitled).toHaveLength(20)
})
