import { planRun } from '../../activities/roster/plan.ts'
import { findApproval } from '../../db/approval/records.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { waitUntil } from '../support/polling.ts'
import { enrollment, twoSchools, user } from '../support/roster-records.ts'

const district = setUpDistrict({ plain: true, records: twoSchools() })

test('an empty source is held, touches nobody, and nobody leaves by its plan', async () => {
  await district.sync()
  const before = district.target.writes
  district.source.records.clear()
  const held = await district.sync()
  expect(held.state).toBe('held')
  const tripped = (held.guard ?? []).filter((judgement) => judgement.tripped)
  expect(tripped).toContainEqual({
    rule: 'empty',
    type: 'users',
    count: 20,
    limit: 0,
    tripped: true,
  })
  expect(district.target.writes).toBe(before)
  expect(await district.listChanges(held)).not.toContain('deactivate')
  await district.keepHistory(held, 'held')
  await district.site.vote(held, 'deny')
  await waitUntil(
    'the run is discarded',
    async () => (await district.site.getRun(held.id)).state === 'discarded',
  )
  expect(district.target.writes).toBe(before)
  district.source.put(...twoSchools())
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  expect(district.target.writes).toBe(before)
})

test('too many leavers wait for a vote on exactly their plan, which is then applied', async () => {
  district.source.put(...twoSchools({ people: 60 }))
  await district.sync()
  for (let number = 1; number <= 26; number += 1) {
    district.source.remove('users', `north-${number}`)
    district.source.remove('users', `south-${number}`)
  }
  district.source.put(user('new', 'south'))
  const held = await district.sync()
  expect(held).toMatchObject({ state: 'held', counts: { users: { deactivated: 52 } } })
  expect(district.target.countActive()).toBe(120)
  const approval = await findApproval(district.db, held.approvalId ?? '')
  expect(approval?.subject).toEqual({ type: 'roster-run', id: held.id, hash: held.planHash })
  // What the source says by then does not count.
  district.source.put(...twoSchools({ people: 60 }))
  await district.site.vote(held, 'approve')
  await waitUntil(
    'the run goes on',
    async () => (await district.site.getRun(held.id)).state !== 'held',
  )
  expect(await district.site.waitForEnd(held.id)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, deactivated: 52 } },
  })
  expect(district.target.countActive()).toBe(69)
  const { rows } = await district.db.query<{ approved: number }>(
    `select count(*)::integer as approved from audit_entries
     where action = 'roster.deactivated' and cause ->> 'syncId' = $1
       and cause ->> 'approvalId' = $2`,
    [held.id, held.approvalId],
  )
  expect(rows[0]?.approved).toBe(52)
  await district.keepHistory(held, 'approved', 'applying')
  // An attempt whose answer was lost runs again: the workflow that planned does not apply as well.
  const again = await planRun(district.db, held.id, new AbortController().signal)
  expect(again.state).toBe('held')
})

test('people who come back are no mass update', async () => {
  const guard = { deactivations: { atLeast: 100 }, shrunk: { percent: 100 } }
  await district.reconnect({ guard })
  district.source.put(...twoSchools({ people: 20 }))
  await district.sync()
  for (let number = 1; number <= 18; number += 1) {
    district.source.remove('users', `north-${number}`)
    district.source.remove('users', `south-${number}`)
  }
  await district.sync()
  expect(district.target.countActive()).toBe(4)
  district.source.put(...twoSchools({ people: 20 }))
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 0, updated: 36, deactivated: 0, unchanged: 4 } },
  })
  expect(district.target.countActive()).toBe(40)
})

test('the rest may be applied while who leaves is held, and the rest of it once approved', async () => {
  const guard = { deactivations: { atLeast: 1, percent: 0 }, whileHeld: 'apply-the-rest' }
  await district.reconnect({ guard })
  await district.sync()
  district.source.remove('users', 'north-1')
  district.source.remove('users', 'north-2')
  district.source.put(user('new', 'north'), enrollment('new', 'north-1'))
  const held = await district.sync()
  expect(held.state).toBe('held')
  expect(district.target.countActive()).toBe(21)
  const members = (): unknown =>
    Reflect.get(district.target.read().groups['clever:north'] ?? {}, 'members')
  expect(members()).toHaveLength(11)
  await district.keepHistory(held, 'rest-applied')
  await district.site.vote(held, 'approve')
  await waitUntil(
    'the run goes on',
    async () => (await district.site.getRun(held.id)).state !== 'held',
  )
  expect(await district.site.waitForEnd(held.id)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, deactivated: 2 } },
  })
  expect(district.target.countActive()).toBe(19)
  expect(members()).toHaveLength(9)
})

test('a new run discards the held one, whose plan cannot be voted on any more', async () => {
  await district.sync()
  district.source.records.clear()
  const held = await district.sync()
  district.source.put(...twoSchools())
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  expect((await district.site.getRun(held.id)).state).toBe('discarded')
  const approval = await findApproval(district.db, held.approvalId ?? '')
  expect(approval?.approval.state).toBe('superseded')
})

test('a plan whose settings have changed since is not applied', async () => {
  await district.sync()
  district.source.records.clear()
  const held = await district.sync()
  const before = district.target.writes
  await district.db.query(
    'update roster_providers set version = version + 1, roster_version = version + 1 where id = $1',
    [district.provider],
  )
  await district.site.vote(held, 'approve')
  await waitUntil('the approval ends', async () => {
    const approval = await findApproval(district.db, held.approvalId ?? '')
    return (
      approval !== undefined && !['open', 'approved', 'applying'].includes(approval.approval.state)
    )
  })
  expect(district.target.writes).toBe(before)
  await waitUntil('the run is discarded', async () => {
    await district.site.relay()
    return (await district.site.getRun(held.id)).state === 'discarded'
  })
})

test('a run that only adds deactivates nobody and is not held for it', async () => {
  await district.sync()
  for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) district.source.remove('users', `north-${number}`)
  district.source.put(user('new', 'north'))
  const run = await district.sync({ addsOnly: true })
  expect(run).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, deactivated: 0 } },
  })
  expect(district.target.countActive()).toBe(21)
})
