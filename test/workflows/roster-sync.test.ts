import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { hashChangeSet } from '../../db/roster/changes.ts'
import { listRosterErrors } from '../../db/roster/history.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { enrollment, twoSchools, user } from '../support/roster-records.ts'

const district = setUpDistrict({ plain: true, records: twoSchools() })

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
  await district.keepHistory(first, 'applied')
  const before = district.target.writes
  const again = await district.sync()
  expect(again).toMatchObject({
    state: 'succeeded',
    counts: { users: { fetched: 20, created: 0, unchanged: 20 }, sections: { unchanged: 4 } },
  })
  expect(district.target.writes).toBe(before)
  expect(await district.listChanges(again)).toBe('')
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
  const lines = (await district.listChanges(run)).trimEnd().split('\n')
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
  await district.keepHistory(run, 'seated')
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
  const text = await district.listChanges(one)
  expect(text).not.toBe('')
  expect(await district.listChanges(other)).toBe(text)
  expect(other.planHash).toBe(one.planHash)
  expect(await hashChangeSet(district.db, one.id)).toBe(one.planHash)
  expect(district.target.writes).toBe(before)
  await district.keepHistory(one, 'dry-run')
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
  await district.keepHistory(failed, 'failed')
})

test('a pull that ends short of its total takes nobody for gone, and says so', async () => {
  await district.sync()
  district.source.remove('users', 'north-1')
  district.source.totals.set('users', 20)
  const run = await district.sync()
  expect(run).toMatchObject({ state: 'partial', counts: { users: { deactivated: 0 } } })
  expect(district.target.countActive()).toBe(20)
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
