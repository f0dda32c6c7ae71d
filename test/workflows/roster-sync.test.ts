import { planRun } from '../../activities/roster/plan.ts'
import type { RosterRun } from '../../db/roster/runs.ts'
import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { findApproval } from '../../db/approval/records.ts'
import { hashChangeSet, readChangeSet } from '../../db/roster/changes.ts'
import { listRosterErrors } from '../../db/roster/history.ts'
import { rosterSyncWorkflowType, rosterWorkflowId } from '../../core/roster/workflow.ts'
import { keepHistory } from '../support/history.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { waitUntil } from '../support/polling.ts'
import { enrollment, twoSchools, user } from '../support/roster-records.ts'

const district = setUpDistrict({ plain: true, records: twoSchools() })

async function listChanges(run: RosterRun): Promise<string> {
  let text = ''
  for await (const lines of readChangeSet(district.db, run.id)) text += lines
  return text
}

async function keep(
  run: RosterRun,
  branch: string,
  from: 'pulling' | 'applying' = 'pulling',
): Promise<void> {
  const workflowId = rosterWorkflowId(run.id, from)
  await keepHistory(district.site.temporal, {
    workflowId,
    workflowType: rosterSyncWorkflowType,
    branch,
  })
}

function countActive(): number {
  return Object.keys(district.target.read().people).length
}

test('a full sync makes the people, the groups and their members, and the same again writes nothing', async () => {
  const first = await district.sync()
  expect(first).toMatchObject({
    state: 'succeeded',
    counts: {
      users: { fetched: 20, created: 20, updated: 0, deactivated: 0, unchanged: 0, failed: 0 },
      schools: { fetched: 2, created: 2 },
      sections: { fetched: 4, created: 4 },
    },
  })
  const { people, groups } = district.target.read()
  expect(Object.keys(people)).toHaveLength(20)
  expect(people['clever:north-1']).toMatchObject({
    userName: 'north-1@district.example',
    enterprise: { organization: 'Spring Valley', division: 'School north' },
  })
  expect(groups['clever:north']).toMatchObject({ displayName: 'School north' })
  expect(groups['clever:south-1']).toEqual({
    displayName: 'Section south-1',
    members: ['10', '2', '4', '6', '8'].map((number) => `clever:south-${number}`),
  })
  await keep(first, 'applied')
  const before = district.target.writes
  const again = await district.sync()
  expect(again).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 20, created: 0, unchanged: 20 }, sections: { unchanged: 4 } },
  })
  expect(district.target.writes).toBe(before)
  expect(await listChanges(again)).toBe('')
})

test('what has changed is read as events, and only that is written', async () => {
  await district.sync()
  const before = district.target.writes
  district.source.put(user('north-1', 'north', { familyName: 'Married' }))
  district.source.remove('users', 'north-2')
  district.source.put(user('new', 'south'), enrollment('new', 'south-1'))
  const run = await district.sync({ mode: 'incremental' })
  expect(run).toMatchObject({
    mode: 'incremental',
    state: 'succeeded',
    counts: { users: { created: 1, updated: 1, deactivated: 1, unchanged: 18 } },
  })
  const { people, groups } = district.target.read()
  expect(people['clever:north-1']?.name.familyName).toBe('Married')
  expect(people['clever:north-2']).toBeUndefined()
  expect(groups['clever:south-1']).toMatchObject({
    members: expect.arrayContaining(['clever:new']) as unknown,
  })
  expect(groups['clever:north']).toMatchObject({
    members: expect.not.arrayContaining(['clever:north-2']) as unknown,
  })
  // Three people, and the groups north, north-1, south and south-1.
  expect(district.target.writes - before).toBe(7)
  const lines = (await listChanges(run)).trimEnd().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { op: string; id: string }).op)).toEqual([
    'create',
    'update',
    'deactivate',
    'members',
    'members',
    'members',
    'members',
  ])
  const { rows } = await district.db.query<{ subject_id: string; cause: object }>(
    `select subject_id, cause from audit_entries
     where action = 'roster.deactivated' and cause ->> 'syncId' = $1`,
    [run.id],
  )
  expect(rows).toMatchObject([
    {
      subject_id: 'clever:north-2',
      cause: { tenant: district.site.tenant, guard: 'deactivations of users: 1, at most 50' },
    },
  ])
})

test('who has a seat is entitled to its product, and a dry run moves none', async () => {
  const product = `maths-${district.provider}`
  const settings = seatPoolSchema.parse({
    capacity: 3,
    rule: { schools: ['north'], roles: ['student'] },
    overLimit: { policy: 'waitlist' },
    releaseGrace: 'P0D',
  })
  await putSeatPool(district.db, { tenant: district.site.tenant, product, settings })
  const entitled = (): string[] =>
    [...district.target.entitlements]
      .filter(([, names]) => names.includes(product))
      .map(([id]) => id)
  await district.sync({ dryRun: true })
  expect(entitled()).toEqual([])
  const run = await district.sync()
  await keep(run, 'seated')
  const first = entitled().map((id) => district.target.people.get(id)?.externalId ?? '')
  expect(first).toHaveLength(3)
  expect(first.every((id) => id.startsWith('clever:north-'))).toBe(true)
  const before = district.target.writes
  await district.sync()
  expect(district.target.writes).toBe(before)
  district.source.remove('users', first[0]?.slice('clever:'.length) ?? '')
  await district.sync({ mode: 'incremental' })
  const later = entitled().map((id) => district.target.people.get(id)?.externalId ?? '')
  expect(later).toHaveLength(3)
  expect(later).not.toContain(first[0])
  // Of those the loser is one who has left; the seat went to who waited.
  expect(later.filter((id) => !first.includes(id))).toHaveLength(1)
})

test('two dry runs are byte-identical, hash alike and write nothing', async () => {
  await district.sync()
  const before = district.target.writes
  district.source.put(user('new', 'south'), user('north-1', 'south'))
  district.source.remove('sections', 'north-1')
  const [one, other] = [
    await district.sync({ dryRun: true }),
    await district.sync({ dryRun: true }),
  ]
  expect(one).toMatchObject({ state: 'succeeded', counts: { users: { created: 1, updated: 1 } } })
  const text = await listChanges(one)
  expect(text).not.toBe('')
  expect(await listChanges(other)).toBe(text)
  expect(other.planHash).toBe(one.planHash)
  expect(await hashChangeSet(district.db, one.id)).toBe(one.planHash)
  expect(district.target.writes).toBe(before)
  await keep(one, 'dry-run')
})

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
  expect(await listChanges(held)).not.toContain('deactivate')
  await keep(held, 'held')
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
  expect(countActive()).toBe(120)
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
  expect(countActive()).toBe(69)
  const { rows } = await district.db.query<{ approved: number }>(
    `select count(*)::integer as approved from audit_entries
     where action = 'roster.deactivated' and cause ->> 'syncId' = $1
       and cause ->> 'approvalId' = $2`,
    [held.id, held.approvalId],
  )
  expect(rows[0]?.approved).toBe(52)
  await keep(held, 'approved', 'applying')
  // An attempt whose answer was lost runs again: the workflow that planned does not apply as well.
  const again = await planRun(site.database.db, held.id, new AbortController().signal)
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
  expect(countActive()).toBe(4)
  district.source.put(...twoSchools({ people: 20 }))
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 0, updated: 36, deactivated: 0, unchanged: 4 } },
  })
  expect(countActive()).toBe(40)
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
  expect(countActive()).toBe(21)
  const members = (): unknown =>
    Reflect.get(district.target.read().groups['clever:north'] ?? {}, 'members')
  expect(members()).toHaveLength(11)
  await keep(held, 'rest-applied')
  await district.site.vote(held, 'approve')
  await waitUntil(
    'the run goes on',
    async () => (await district.site.getRun(held.id)).state !== 'held',
  )
  expect(await district.site.waitForEnd(held.id)).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, deactivated: 2 } },
  })
  expect(countActive()).toBe(19)
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
  expect(countActive()).toBe(21)
})

test('a selective run touches its school alone', async () => {
  const run = await district.sync({ selection: { schools: ['north'] } })
  expect(run).toMatchObject({ state: 'succeeded', counts: { users: { created: 10 } } })
  const { people, groups } = district.target.read()
  expect(Object.keys(people).every((id) => id.startsWith('clever:north-'))).toBe(true)
  expect(Object.keys(groups)).toEqual(['clever:north', 'clever:north-1', 'clever:north-2'])
  expect(await district.sync()).toMatchObject({
    mode: 'full',
    counts: { users: { created: 10, unchanged: 10 } },
  })
  for (const id of ['north-3', 'south-3']) district.source.remove('users', id)
  await district.sync({ selection: { schools: ['south'], types: ['users'] } })
  expect(Object.keys(district.target.read().people)).toContain('clever:north-3')
  expect(Object.keys(district.target.read().people)).not.toContain('clever:south-3')
})

test('a source that changes what it shows is read anew, three times at most', async () => {
  district.source.pageSize = 7
  district.source.revision = '1'
  let changes = 0
  district.source.beforePage = ({ stream, cursor }) => {
    if (stream !== 'users' || cursor !== '7' || changes >= 2) return
    changes += 1
    district.source.revision = String(changes + 1)
  }
  expect(await district.sync()).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 20 } },
  })
  district.source.beforePage = () => {
    district.source.revision = String(Math.random())
  }
  const failed = await district.sync()
  expect(failed).toMatchObject({ state: 'failed', errorCode: 'source_changed' })
  await keep(failed, 'failed')
})

test('a pull that ends short of its total takes nobody for gone, and says so', async () => {
  await district.sync()
  district.source.remove('users', 'north-1')
  district.source.totals.set('users', 20)
  const run = await district.sync()
  expect(run).toMatchObject({ state: 'partial', counts: { users: { deactivated: 0 } } })
  expect(countActive()).toBe(20)
  expect(await listRosterErrors(district.db, { runId: run.id, limit: 10 })).toMatchObject([
    { entity: 'pull', id: 'users', code: 'incomplete_pull' },
  ])
})

test('a bad record is quarantined, whoever it is of is kept, and the others go on', async () => {
  await district.sync()
  district.source.remove('users', 'north-1')
  district.source.faults.push({
    entity: 'users',
    id: 'north-1',
    code: 'missing_name',
    message: 'No name',
  })
  district.source.put(user('new', 'north'), user('nameless', 'north', { email: 'malformed' }))
  const run = await district.sync()
  expect(run).toMatchObject({
    state: 'partial',
    counts: { users: { created: 1, deactivated: 0, failed: 2 } },
  })
  expect(Object.keys(district.target.read().people)).toContain('clever:north-1')
  expect(await listRosterErrors(district.db, { runId: run.id, limit: 10 })).toMatchObject([
    { entity: 'users', id: 'nameless', code: 'no_user_name' },
    { entity: 'users', id: 'north-1', code: 'missing_name' },
  ])
})

test('who is quarantined is listed once, and again when they change or everything is read', async () => {
  district.source.put(user('nameless', 'north', { email: 'malformed' }))
  expect(await district.sync()).toMatchObject({ counts: { users: { failed: 1 } } })
  district.source.put(user('new', 'north'))
  expect(await district.sync({ mode: 'incremental' })).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1, failed: 0 } },
  })
  district.source.put(user('nameless', 'north', { email: 'still malformed' }))
  expect(await district.sync({ mode: 'incremental' })).toMatchObject({
    state: 'partial',
    counts: { users: { failed: 1 } },
  })
  expect(await district.sync()).toMatchObject({
    state: 'partial',
    counts: { users: { failed: 1 } },
  })
})

test('people whom a section lists and nobody may read are warnings, and no errors', async () => {
  district.source.put(enrollment('unseen', 'north-1'), enrollment('unseen', 'north-2'))
  const run = await district.sync()
  expect(run).toMatchObject({ state: 'succeeded', warnings: 1 })
  const { groups } = district.target.read()
  expect(groups['clever:north-1']).toMatchObject({
    members: expect.not.arrayContaining(['clever:unseen']) as unknown,
  })
})

test('a write that the target refuses is an error of its record, and is tried by the next run', async () => {
  district.target.refused.add('north-1')
  const run = await district.sync()
  expect(run).toMatchObject({ state: 'partial', counts: { users: { created: 19, failed: 1 } } })
  district.target.refused.clear()
  expect(await district.sync({ mode: 'incremental' })).toMatchObject({
    state: 'succeeded',
    counts: { users: { created: 1 } },
  })
  expect(Reflect.get(district.target.read().groups['clever:north'] ?? {}, 'members')).toHaveLength(
    10,
  )
})

test('two with one name are told apart by id, and a name is free once its holder has left', async () => {
  district.source.put(user('a', 'north', { email: 'same@district.example' }))
  district.source.put(user('b', 'north', { email: 'SAME@district.example' }))
  await district.sync()
  const nameOf = (id: string): string | undefined =>
    district.target.read().people[`clever:${id}`]?.userName
  expect(nameOf('a')).toBe('same@district.example')
  expect(nameOf('b')).toMatch(/^SAME-[0-9a-f]{6}@district\.example$/)
  district.source.remove('users', 'a')
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  expect(nameOf('b')).toBe('SAME@district.example')
  // The same person with another id.
  district.source.remove('users', 'b')
  district.source.put(user('c', 'north', { email: 'same@district.example' }))
  expect(await district.sync()).toMatchObject({ state: 'succeeded' })
  expect(nameOf('c')).toBe('same@district.example')
})

test('membership begins and ends with its days, without a change at the source', async () => {
  district.source.put(
    enrollment('north-1', 'south-1', { beginDate: '2020-01-01', endDate: '2020-06-30' }),
    enrollment('north-2', 'south-1', { beginDate: '2020-01-01', endDate: '2999-06-30' }),
  )
  await district.sync()
  const members = (): unknown =>
    Reflect.get(district.target.read().groups['clever:south-1'] ?? {}, 'members')
  expect(members()).toContain('clever:north-2')
  expect(members()).not.toContain('clever:north-1')
  await district.db.query(
    `update roster_enrollments set end_date = '2020-06-30' where user_id = 'north-2'`,
  )
  await district.sync({ mode: 'incremental' })
  expect(members()).not.toContain('clever:north-2')
})

test('a cursor that is too old makes the same run a full one', async () => {
  await district.sync()
  district.source.beforePage = async ({ mode }) => {
    if (mode === 'full') return
    const { AppError } = await import('../../core/errors.ts')
    throw new AppError('cursor_expired', 'Too old', { status: 410 })
  }
  expect(await district.sync({ mode: 'incremental' })).toMatchObject({
    mode: 'full',
    state: 'succeeded',
    counts: { users: { fetched: 20, unchanged: 20 } },
  })
})
