import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { findAnyRosterProvider, updateRosterProvider } from '../../db/roster/providers.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { MemorySource, MemoryTarget } from '../support/memory-roster.ts'
import { waitUntil } from '../support/polling.ts'
import { enrollment, twoSchools, user } from '../support/roster-records.ts'
import { startRosterSite, type RosterSite, type RunChange } from '../support/roster-site.ts'

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

async function query(text: string): Promise<void> {
  await site.database.db.query(text, [provider])
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
    source.put(user('gone', 'north'), user('disabled', 'north', { isEnabled: false }))
    source.put(user('namesake', 'south', namesake), enrollment('nobody', 'south-1'))
    await site.sync(provider)
    source.remove('users', 'gone')
    const first = await site.sync(provider)
    const { writes } = target
    const settled = await site.sync(provider, change)
    await forget()
    const planned = await site.sync(provider, change)
    expect([first.settledBy, settled.settledBy, planned.settledBy]).toEqual([null, first.id, null])
    expect(outcomeOf(settled)).toEqual(outcomeOf(planned))
    expect(settled.counts.users).toMatchObject({ unchanged: 21, updated: 0 })
    expect(target.writes).toBe(writes)
  },
)

test('what a settled run leaves is settled still, until something is written', async () => {
  const first = await site.sync(provider)
  await site.sync(provider)
  await site.sync(provider, { mode: 'incremental' })
  expect(await site.sync(provider)).toMatchObject({ settledBy: first.id })
  source.put(user('north-1', 'north', { familyName: 'Married' }))
  const second = await site.sync(provider, { mode: 'incremental' })
  expect(second).toMatchObject({ settledBy: null, counts: { users: { updated: 1 } } })
  expect(await site.sync(provider)).toMatchObject({ settledBy: null })
})

test.each([
  ['a record that is new', () => source.put(user('new', 'north')), { created: 1 }],
  ['a record that changed', () => source.put(user('north-1', 'south')), { updated: 1 }],
  ['a record that is gone', () => source.remove('users', 'south-10'), { deactivated: 1 }],
  ['a membership that is gone', () => source.remove('enrollments', 'south-1:south-10'), {}],
])('%s is seen by a full run', async (_name, act, counts) => {
  await site.sync(provider)
  const before = JSON.stringify(target.read())
  act()
  expect(await site.sync(provider)).toMatchObject({ settledBy: null, counts: { users: counts } })
  expect(JSON.stringify(target.read())).not.toBe(before)
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
  await site.sync(provider)
  await query(text)
  const { writes } = target
  expect(await site.sync(provider)).toMatchObject({ settledBy: null })
  expect(target.writes).toBeGreaterThan(writes)
})

test.each([
  `update roster_users set is_wanted = false where provider_id = $1 and id = 'north-1'`,
  `delete from roster_records where provider_id = $1 and id = 'north'`,
  `insert into roster_enrollments (provider_id, id, user_id, section_id, role, seen_at)
   values ($1, 'new', 'north-1', 'south-1', 'student', now())`,
])('whoever writes to what is known voids it: %s', async (text) => {
  await site.sync(provider)
  await query(text)
  expect(await site.sync(provider, { mode: 'incremental' })).toMatchObject({ settledBy: null })
})

test('one provider voids nothing of another', async () => {
  const first = await site.sync(provider)
  const other = new MemorySource()
  other.put(...twoSchools())
  await site.sync(await site.addProvider({ source: other, target: new MemoryTarget() }))
  expect(await site.sync(provider)).toMatchObject({ settledBy: first.id })
})

test('other rules are followed, other manners of running are not news', async () => {
  const first = await site.sync(provider)
  const change = async (settings: object, isOtherRoster: boolean): Promise<void> => {
    const { db } = site.database
    const found = await findAnyRosterProvider(db, provider)
    if (!found) throw new Error('Cannot find the provider')
    const { tenant, version } = found
    const changed = { ...found.settings, ...settings }
    const key = { tenant, id: provider }
    await updateRosterProvider(db, { ...key, version, isOtherRoster, settings: changed })
  }
  await change({ timeZone: 'America/Chicago' }, false)
  expect(await site.sync(provider)).toMatchObject({ settledBy: first.id })
  await change({ name: 'Winter Valley' }, true)
  expect(await site.sync(provider)).toMatchObject({ settledBy: null })
})

test('a day by which a membership begins or ends is acted on', async () => {
  source.put(
    enrollment('north-1', 'south-1', { beginDate: '2021-03-01' }),
    enrollment('north-2', 'south-1', { endDate: '2021-05-31' }),
  )
  const first = await site.sync(provider)
  const settledSince = async (day: string): Promise<boolean> => {
    await site.database.db.query(
      'update roster_runs set plan_day = $2 where provider_id = $1 and plan_day is not null',
      [provider, day],
    )
    const { settledBy } = await site.sync(provider, { dryRun: true })
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
  provider = await site.addProvider({ source, target }, settings)
  source.put(user('gone', 'north'))
  await site.sync(provider)
  source.remove('users', 'gone')
  const left = await site.sync(provider)
  expect(await site.sync(provider)).toMatchObject({ settledBy: left.id })
  await query(
    `update roster_accounts set deactivated_at = now() - interval '29 days'
     where provider_id = $1 and not is_active`,
  )
  const young = await site.sync(provider)
  // What was written voids it, so that this one is the next to be marked.
  expect(await site.sync(provider)).toMatchObject({ settledBy: young.id })
  const moved = { ...settings.scim, deleteAfter: 'P20D' }
  await site.database.db.query(
    `update roster_providers set settings = settings || $2::jsonb where id = $1`,
    [provider, JSON.stringify({ scim: moved })],
  )
  expect(await site.sync(provider)).toMatchObject({
    settledBy: null,
    counts: { users: { deactivated: 1 } },
  })
})

test('nothing is settled after a run with errors, a limited one, or long ago', async () => {
  target.refused.add('north-1')
  expect(await site.sync(provider)).toMatchObject({ state: 'partial' })
  target.refused.clear()
  await site.sync(provider, { selection: { types: ['users'] } })
  expect(await site.sync(provider, { addsOnly: true })).toMatchObject({ settledBy: null })
  const planned = await site.sync(provider)
  expect(planned).toMatchObject({ settledBy: null })
  expect(await site.sync(provider, { addsOnly: true })).toMatchObject({ settledBy: null })
  expect(await site.sync(provider)).toMatchObject({ settledBy: planned.id })
  await query(
    `update roster_runs set started_at = started_at - interval '8 days' where provider_id = $1`,
  )
  expect(await site.sync(provider)).toMatchObject({ settledBy: null })
})

test('a run that was held settles nothing: others may have written meanwhile', async () => {
  const guard = { deactivations: { atLeast: 1, percent: 0 } }
  provider = await site.addProvider({ source, target }, { guard })
  await site.sync(provider)
  for (const id of ['north-1', 'north-2']) source.remove('users', id)
  const held = await site.sync(provider)
  expect(held).toMatchObject({ state: 'held' })
  await site.vote(held, 'approve')
  await waitUntil('the run goes on', async () => (await site.getRun(held.id)).state !== 'held')
  expect(await site.waitForEnd(held.id)).toMatchObject({ state: 'succeeded' })
  expect(await site.sync(provider)).toMatchObject({ settledBy: null, state: 'succeeded' })
})

test('seats are given by a settled run, too', async () => {
  const first = await site.sync(provider)
  const product = `art-${provider}`
  const settings = seatPoolSchema.parse({ capacity: 50, overLimit: { policy: 'hard' }, rule: {} })
  await putSeatPool(site.database.db, { tenant: site.tenant, product, settings })
  expect(await site.sync(provider)).toMatchObject({ settledBy: first.id, state: 'succeeded' })
  const entitled = [...target.entitlements.values()].filter((products) =>
    products.includes(product),
  )
  expect(entitled).toHaveLength(20)
})
