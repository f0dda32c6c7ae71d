import type { RosterReconcile } from '../../db/roster/reconciles.ts'
import { seatPoolSchema } from '../../core/roster/seat-pool.ts'
import { sendSignal } from '../../connectors/temporal-update.ts'
import {
  rosterReconcileWorkflowId,
  rosterReconcileWorkflowType,
  rosterStopSignal,
} from '../../core/roster/workflow.ts'
import { withTransaction } from '../../db/client.ts'
import { startRosterReconcile } from '../../db/roster/reconcile-start.ts'
import { requestReconcileStop } from '../../db/roster/reconcile-states.ts'
import { findRosterReconcile, listRosterDrifts } from '../../db/roster/reconciles.ts'
import { putSeatPool } from '../../db/roster/seat-pools.ts'
import { startRosterRun, type RunStart } from '../../db/roster/start.ts'
import { keepHistory } from '../support/history.ts'
import { setUpDistrict } from '../support/memory-district.ts'
import { waitUntil } from '../support/polling.ts'
import { enrollment, school, section, user } from '../support/roster-records.ts'

// Told by a heartbeat alone, an activity would hear of a stop later.
const STOP_PATIENCE_MS = 12_000

const district = setUpDistrict({
  plain: true,
  records: [
    school('north'),
    section('n-1', 'north'),
    ...['a', 'b', 'c', 'd', 'e'].flatMap((id) => [user(id, 'north'), enrollment(id, 'n-1')]),
  ],
})

beforeEach(async () => {
  await district.sync()
})

async function open(repair = false): Promise<string> {
  const { db } = district
  const request = {
    providerId: district.provider,
    repair,
    startedBy: 'operator',
    requestId: 'r-1',
    now: new Date(),
  }
  const start = await withTransaction(db, async (tx) => await startRosterReconcile(tx, request))
  if (start.outcome !== 'started') throw new Error(`Cannot start: ${start.outcome}`)
  await district.site.relay()
  return start.report.id
}

async function waitForEnd(id: string): Promise<RosterReconcile> {
  let report: RosterReconcile | undefined
  await waitUntil('the comparison ends', async () => {
    report = await findRosterReconcile(district.db, id)
    return report?.state !== 'running'
  })
  return report as RosterReconcile // it is there
}

async function reconcile(options: { readonly repair?: boolean } = {}): Promise<RosterReconcile> {
  return await waitForEnd(await open(options.repair))
}

async function listDrifts({ id }: RosterReconcile): Promise<unknown> {
  return await listRosterDrifts(district.db, { id, limit: 100 })
}

async function startRun(): Promise<RunStart> {
  const request = {
    providerId: district.provider,
    mode: 'full',
    trigger: 'manual',
    startedBy: 'operator',
    requestId: 'r-2',
    now: new Date(),
  } as const
  return await withTransaction(district.db, async (tx) => await startRosterRun(tx, request))
}

async function keep({ id }: RosterReconcile, branch: string): Promise<void> {
  await keepHistory(district.site.temporal, {
    workflowId: rosterReconcileWorkflowId(id),
    workflowType: rosterReconcileWorkflowType,
    branch,
  })
}

function scimIdOf(id: string): string {
  const found = [...district.target.people].find(
    ([, { externalId }]) => externalId === `clever:${id}`,
  )
  if (!found) throw new Error('Cannot find this account')
  return found[0]
}

function change(id: string, by: object): void {
  const scimId = scimIdOf(id)
  const person = district.target.people.get(scimId)
  if (person) district.target.people.set(scimId, { ...person, ...by })
}

// An account that is gone is in no group.
function lose(id: string): void {
  const lost = scimIdOf(id)
  district.target.people.delete(lost)
  for (const { members } of district.target.groups.values()) members.delete(lost)
}

/** `a` is renamed, `b` is gone, `c` is not active, `d` is somebody else's, and `x` was never applied. */
function drift(): void {
  change('a', { displayName: 'Changed by hand' })
  const stranger = district.target.people.get(scimIdOf('e'))
  lose('b')
  change('c', { active: false })
  change('d', { externalId: 'other:1', displayName: 'Of another system' })
  if (!stranger) return
  district.target.people.set('x', { ...stranger, externalId: 'clever:x', userName: 'x' })
  district.target.people.set('y', { ...stranger, externalId: 'hr:y', userName: 'y' })
}

async function listAudit(action: string): Promise<string[]> {
  const { rows } = await district.db.query<{ id: string }>(
    `select subject_id as id from audit_entries
     where action = $1 and cause ->> 'providerId' = $2 order by 1`,
    [action, district.provider],
  )
  return rows.map(({ id }) => id)
}

test('a target that is as it was left has no drift, and nothing is written', async () => {
  const before = district.target.writes
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({
    state: 'succeeded',
    compared: 5,
    groups: 2,
    missing: 0,
    differs: 0,
  })
  expect(await listDrifts(report)).toEqual([])
  expect(district.target.writes).toBe(before)
})

test('drift is reported by kind, with fields and without values, and left as it is', async () => {
  drift()
  const before = district.target.writes
  const report = await reconcile()
  expect(report).toMatchObject({
    state: 'succeeded',
    missing: 1,
    differs: 2,
    inactive: 1,
    unexpected: 1,
    repaired: 0,
  })
  const found = { type: 'users', outcome: 'found', code: null }
  expect(await listDrifts(report)).toEqual([
    { kind: 'differs', id: 'a', fields: ['displayName'], ...found },
    { kind: 'differs', id: 'd', fields: ['externalId', 'displayName'], ...found },
    { kind: 'inactive', id: 'c', fields: ['active'], ...found },
    { kind: 'missing', id: 'b', fields: [], ...found },
    { kind: 'unexpected', id: 'x', fields: [], ...found },
  ])
  expect(district.target.writes).toBe(before)
  await keep(report, 'compared')
})

test('a repair writes what was applied again, and touches nobody who is not ours', async () => {
  const { people, groups } = district.target.read()
  drift()
  const foreign = ['x', 'y', scimIdOf('e')].map((id) => district.target.people.get(id))
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ state: 'succeeded', repaired: 3, failed: 0 })
  expect(await listDrifts(report)).toMatchObject([
    { id: 'a', outcome: 'repaired' },
    { id: 'd', outcome: 'left' },
    { id: 'c', outcome: 'repaired' },
    { id: 'b', outcome: 'repaired' },
    { id: 'x', outcome: 'left' },
  ])
  const after = district.target.read()
  for (const id of ['clever:a', 'clever:b', 'clever:c']) {
    expect(after.people[id]).toEqual(people[id])
  }
  expect(after.people['other:1']).toMatchObject({ displayName: 'Of another system' })
  expect(['x', 'y', scimIdOf('e')].map((id) => district.target.people.get(id))).toEqual(foreign)
  // An account that was made anew is in its groups again.
  const members = (all: typeof groups): unknown => all['clever:n-1']
  expect(members(after.groups)).toMatchObject({
    members: expect.arrayContaining(['clever:a', 'clever:b', 'clever:c']) as unknown,
  })
  expect(await listAudit('roster.repaired')).toEqual(['clever:a', 'clever:b', 'clever:c'])
  // What was made anew is known with all that belongs to it: the next run has nothing to do.
  const { writes } = district.target
  await district.sync()
  expect(district.target.writes).toBe(writes)
  await keep(report, 'repaired')
  const again = await reconcile({ repair: true })
  expect(again).toMatchObject({ missing: 0, differs: 1, inactive: 0, repaired: 0 })
})

test('a person who has left and is active again is deactivated', async () => {
  district.source.remove('users', 'a')
  await district.sync()
  change('a', { active: true })
  expect(await reconcile({ repair: true })).toMatchObject({ differs: 1, repaired: 1 })
  expect(district.target.people.get(scimIdOf('a'))?.active).toBe(false)
})

test('products are told again', async () => {
  const product = `maths-${district.provider}`
  const settings = seatPoolSchema.parse({
    capacity: 10,
    rule: { roles: ['student'] },
    overLimit: { policy: 'hard' },
    releaseGrace: 'P0D',
  })
  await putSeatPool(district.db, { tenant: district.site.tenant, product, settings })
  await district.sync()
  district.target.entitlements.set(scimIdOf('a'), [])
  lose('b')
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ differs: 1, missing: 1, repaired: 2 })
  for (const id of ['a', 'b']) {
    expect(district.target.entitlements.get(scimIdOf(id))).toContain(product)
  }
})

test('what the target refuses is failed, with its code, and the rest is repaired', async () => {
  change('a', { displayName: 'Changed' })
  change('c', { displayName: 'Changed' })
  district.target.refused.add('a')
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ state: 'succeeded', repaired: 1, failed: 1 })
  expect(await listDrifts(report)).toMatchObject([
    { id: 'a', outcome: 'failed', code: 'http_400' },
    { id: 'c', outcome: 'repaired' },
  ])
})

function groupOf(id: string): { displayName: string; members: Set<string> } {
  const found = [...district.target.groups.values()].find(
    ({ externalId }) => externalId === `clever:${id}`,
  )
  if (!found) throw new Error('Cannot find this group')
  return found
}

/** The section has another name, `a` is out of it and a stranger in it; the school's group is gone. */
function driftGroups(): void {
  const group = groupOf('n-1')
  group.displayName = 'Renamed by hand'
  group.members.delete(scimIdOf('a'))
  group.members.add('stranger')
  const school = [...district.target.groups].find(
    ([, { externalId }]) => externalId === 'clever:north',
  )
  district.target.groups.delete(school?.[0] ?? '')
  district.target.groups.set('g-x', {
    externalId: 'clever:x',
    displayName: 'X',
    members: new Set(),
  })
  district.target.groups.set('g-y', { externalId: 'hr:y', displayName: 'Y', members: new Set() })
}

test('groups that are otherwise are reported, with the fields, and left as they are', async () => {
  driftGroups()
  const before = district.target.writes
  const report = await reconcile()
  expect(report).toMatchObject({ groups: 2, missing: 1, differs: 1, unexpected: 1, repaired: 0 })
  const found = { outcome: 'found', code: null }
  expect(await listDrifts(report)).toEqual([
    { type: 'groups', kind: 'unexpected', id: 'g-x', fields: [], ...found },
    { type: 'schools', kind: 'missing', id: 'north', fields: [], ...found },
    { type: 'sections', kind: 'differs', id: 'n-1', fields: ['displayName', 'members'], ...found },
  ])
  expect(district.target.writes).toBe(before)
})

test('groups are repaired with their members, and strangers in them are left', async () => {
  const { groups } = district.target.read()
  driftGroups()
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ state: 'succeeded', repaired: 2, failed: 0 })
  const after = district.target.read().groups
  expect(after['clever:north']).toEqual(groups['clever:north'])
  const { displayName, members } = groups['clever:n-1'] as {
    readonly displayName: string
    readonly members: readonly string[]
  }
  expect(after['clever:n-1']).toEqual({ displayName, members: [...members, 'stranger'] })
  expect(await listAudit('roster.repaired')).toEqual(['clever:n-1', 'clever:north'])
  const { writes } = district.target
  await district.sync()
  expect(district.target.writes).toBe(writes)
  expect(await reconcile({ repair: true })).toMatchObject({ missing: 0, differs: 1, repaired: 0 })
  expect(district.target.writes).toBe(writes)
})

test('who is no member any more and is in a group again is taken out', async () => {
  district.source.remove('enrollments', 'n-1:a')
  await district.sync()
  groupOf('n-1').members.add(scimIdOf('a'))
  const report = await reconcile({ repair: true })
  expect(await listDrifts(report)).toEqual([
    {
      type: 'sections',
      kind: 'differs',
      id: 'n-1',
      fields: ['members'],
      outcome: 'repaired',
      code: null,
    },
  ])
  expect(groupOf('n-1').members).not.toContain(scimIdOf('a'))
})

test('a group and its people that are gone are made anew together', async () => {
  const whole = district.target.read()
  lose('b')
  district.target.groups.clear()
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ missing: 3, repaired: 3, failed: 0 })
  expect(district.target.read()).toEqual(whole)
})

test('a target whose lists say nothing of members is asked group by group', async () => {
  district.target.listsMembers = false
  expect(await reconcile()).toMatchObject({ groups: 2, differs: 0 })
  groupOf('n-1').members.delete(scimIdOf('a'))
  expect(await reconcile({ repair: true })).toMatchObject({ differs: 1, repaired: 1 })
  expect(groupOf('n-1').members).toContain(scimIdOf('a'))
})

test('no run begins while a repair writes', async () => {
  change('a', { displayName: 'Changed' })
  let meanwhile: RunStart | undefined
  district.target.beforeWrite = async () => {
    meanwhile ??= await startRun()
  }
  const report = await reconcile({ repair: true })
  expect(meanwhile).toEqual({ outcome: 'repairing', reconcileId: report.id })
  expect(report).toMatchObject({ state: 'succeeded', repaired: 1 })
  expect(await startRun()).toMatchObject({ outcome: 'started' })
})

test('a run that begins while pages are read ends the comparison, and nothing is written', async () => {
  change('a', { displayName: 'Changed' })
  const list = district.target.listPeople.bind(district.target)
  district.target.listPeople = async (page) => {
    await startRun()
    return await list(page)
  }
  const before = district.target.writes
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ state: 'failed', errorCode: 'sync_started', repaired: 0 })
  expect(district.target.writes).toBe(before)
  await keep(report, 'overtaken')
})

test.each([
  { phase: 'reads', hook: 'listPeople' },
  { phase: 'repairs', hook: 'beforeWrite' },
] as const)(
  'a comparison that is asked to stop while it $phase ends within seconds',
  async ({ hook }) => {
    change('a', { displayName: 'Changed' })
    change('c', { displayName: 'Changed' })
    let calls = 0
    const hang = async (signal: AbortSignal): Promise<void> => {
      calls += 1
      // One is repaired, and told of, before.
      if (hook === 'beforeWrite' && calls === 1) return
      await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
      signal.throwIfAborted()
    }
    if (hook === 'beforeWrite') district.target.beforeWrite = hang
    else
      district.target.listPeople = async ({ signal }) => (
        await hang(signal),
        { people: [], total: 0 }
      )
    const id = await open(true)
    await waitUntil(
      'it hangs',
      async () => await Promise.resolve(calls === (hook === 'beforeWrite' ? 2 : 1)),
    )
    const asked = Date.now()
    const { db } = district
    expect(await requestReconcileStop(db, id)).toBe(true)
    const report = await waitForEnd(id)
    expect(Date.now() - asked).toBeLessThan(STOP_PATIENCE_MS)
    expect(report).toMatchObject({ state: 'stopped', errorCode: null })
    expect(await listAudit('roster.repaired')).toEqual(hook === 'beforeWrite' ? ['clever:a'] : [])
    expect(await requestReconcileStop(db, id)).toBe(false)
    expect(await startRun()).toMatchObject({ outcome: 'started' })
    await keep(report, 'stopped')
  },
)

test('a comparison that waits to try again stops by a signal', async () => {
  let calls = 0
  district.target.listPeople = async () => {
    calls += 1
    return await Promise.reject(new Error('The database is away'))
  }
  const id = await open()
  // From here on it waits for longer and longer.
  await waitUntil('it has tried', async () => await Promise.resolve(calls >= 3))
  const asked = Date.now()
  await requestReconcileStop(district.db, id)
  const workflowId = rosterReconcileWorkflowId(id)
  const signal = { workflowId, name: rosterStopSignal }
  await sendSignal(district.site.temporal.client, signal, { deadlineMs: 2_000 })
  const report = await waitForEnd(id)
  expect(report).toMatchObject({ state: 'stopped' })
  expect(Date.now() - asked).toBeLessThan(STOP_PATIENCE_MS)
  await keep(report, 'stopped-by-signal')
})

test('neither a run under way nor another comparison lets one begin', async () => {
  const run = await startRun()
  await expect(open()).rejects.toThrow('running')
  if (run.outcome !== 'started') throw new Error(run.outcome)
  await district.site.waitForEnd(run.run.id)
  let release = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const list = district.target.listPeople.bind(district.target)
  district.target.listPeople = async (page) => {
    await released
    return await list(page)
  }
  const id = await open()
  await expect(open()).rejects.toThrow('reconciling')
  release()
  expect(await waitForEnd(id)).toMatchObject({ state: 'succeeded' })
})

test('a target that shows fewer than it counts has nobody missing', async () => {
  district.target.listPeople = async () => await Promise.resolve({ people: [], total: 5 })
  const report = await reconcile({ repair: true })
  expect(report).toMatchObject({ state: 'failed', errorCode: 'target_failed', missing: 0 })
})
