import { randomUUID } from 'node:crypto'
import { createApprovalActivities } from '../../activities/approval.ts'
import { withFailures } from '../../activities/failures.ts'
import { createSourceActivities } from '../../activities/source.ts'
import { createSourceRunEffect } from '../../activities/source/approval-effect.ts'
import { runApprovalType } from '../../activities/source/compare.ts'
import { createHttpClient, type HttpClient } from '../../connectors/http/client.ts'
import { createHrisSource } from '../../connectors/hris/source.ts'
import { handOverStart } from '../../connectors/temporal.ts'
import { findAttribute } from '../../core/profile/document.ts'
import type { ProfileSource } from '../../core/source/source.ts'
import { createSourcePullStart, sourcePullWorkflowType } from '../../core/source/workflow.ts'
import { findApproval } from '../../db/approval/records.ts'
import { withTransaction } from '../../db/client.ts'
import { submitChange, type IntakeDeps } from '../../db/profile/intake.ts'
import { findMatches, listFailures, listItems } from '../../db/source/items.ts'
import { findSourceRun, insertSourceRun, type SourceRun } from '../../db/source/runs.ts'
import { claimDueStarts, deleteStart } from '../../db/workflow-starts.ts'
import { castTestVote, joinGroup } from '../support/approvals.ts'
import { createGroup } from '../../db/user/groups.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { keepHistory } from '../support/history.ts'
import { waitUntil } from '../support/polling.ts'
import { createTestPublishers, type TestPublishers } from '../support/publishers.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import {
  createTestTemporal,
  createTestWorker,
  silentLog,
  type TestTemporal,
  type TestWorker,
} from '../support/temporal.ts'

type Entry = Record<string, unknown>

// A machine that is busy answers late.
const PATIENT = { deadlineMs: 60_000 }

let database: TestDatabase
let temporal: TestTemporal
let publishers: TestPublishers
let worker: TestWorker
let http: HttpClient
let server: Receiver
let report: unknown
const sources = new Map<string, ProfileSource>()

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal({ plain: true })
  publishers = await createTestPublishers()
  server = await startReceiver()
  http = createHttpClient({ allowPrivateTargets: false, log: silentLog })
  const { db } = database
  worker = await createTestWorker(temporal, {
    activities: withFailures({
      ...createSourceActivities({ db, sources, intake: async () => await Promise.resolve(deps()) }),
      ...createApprovalActivities({
        db,
        effects: new Map([[runApprovalType, createSourceRunEffect(db)]]),
      }),
    }),
  })
  await createGroup(db, 'run_approvers')
  await joinGroup(db, 'run_approvers', 'amy')
})
beforeEach(async () => {
  await database.db.query(
    'truncate source_runs, source_people, profiles, profile_changes, workflow_starts cascade',
  )
  sources.set('staff', createSource())
  answerWithReport()
})
afterAll(async () => {
  await worker.close()
  http.close()
  await server.close()
  await publishers.close()
  await temporal.close()
  await database.close()
})

function answerWithReport(): void {
  server.behave((response, { headers }) => {
    const isKnown = headers.authorization === `Basic ${btoa('reader:a secret')}`
    response.statusCode = isKnown ? 200 : 401
    response.setHeader('content-type', 'application/json')
    response.end(typeof report === 'string' ? report : JSON.stringify(report))
  })
}

function createSource(change: Record<string, unknown> = {}): ProfileSource {
  return createHrisSource({
    name: 'staff',
    publisher: 'hris',
    guard: { count: 1, share: 0.2 },
    url: `${server.url}/report`,
    user: 'reader',
    password: 'a secret',
    http,
    ...change,
  })
}

function deps(): IntakeDeps {
  return { publishers: publishers.publishers, lanes: [], sinks: [] }
}

function emailOf(number: number): string {
  return `person${number}@example.org`
}

async function addPersons(count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    const userId = `ad|Mozilla-LDAP|person${number}`
    const body = await publishers.signWhole('ldap', {
      user_id: userId,
      active: true,
      primary_email: emailOf(number),
    })
    const submission = { userId, publisher: 'ldap', actor: 'test', requestId: 'r' } as const
    await withTransaction(
      database.db,
      async (tx) => await submitChange(tx, deps(), { ...submission, body, receivedAt: new Date() }),
    )
  }
}

function entryOf(number: number, change: Entry = {}): Entry {
  return {
    EmployeeID: String(number),
    PrimaryWorkEmail: emailOf(number).toUpperCase(),
    businessTitle: 'Engineer',
    Team: 'Registry',
    Cost_Center: '1337 - Registry',
    WorkerType: 'Employee',
    LocationDescription: 'Berlin Office',
    WPRDeskNumber: '42',
    IsManager: 'TRUE',
    isDirectorOrAbove: 'FALSE',
    Time_Zone: 'GMT+01:00 Central European Time (Paris)',
    CurrentlyActive: '1',
    ...change,
  }
}

function reportOf(...numbers: readonly number[]): { Report_Entry: Entry[] } {
  return { Report_Entry: numbers.map((number) => entryOf(number)) }
}

async function pull(
  change: { readonly dryRun?: boolean; readonly startedBy?: string } = {},
): Promise<SourceRun> {
  const { dryRun = false, startedBy = 'bob' } = change
  const mode = 'full' as const
  const run = { id: randomUUID(), source: 'staff', publisher: 'hris', mode, dryRun }
  const added = await insertSourceRun(database.db, { ...run, startedBy, requestId: 'r-1' })
  if (!added) throw new Error('Cannot pull: a run is under way')
  const start = createSourcePullStart(added, 'reading')
  await handOverStart(temporal.client, { ...start, taskQueue: worker.taskQueue }, PATIENT)
  return await waitForEnd(run.id)
}

async function waitForEnd(id: string, ...ends: string[]): Promise<SourceRun> {
  const ended = ends.length > 0 ? ends : ['held', 'succeeded', 'partial', 'failed', 'discarded']
  let run: SourceRun | undefined
  await waitUntil('the run ends', async () => {
    run = await findSourceRun(database.db, id)
    return run !== undefined && ended.includes(run.state)
  })
  if (!run) throw new Error('Cannot find the run')
  return run
}

/** Hands over what the product has queued, to the queue of this test. */
async function relay(): Promise<void> {
  await database.db.query('update workflow_starts set next_attempt_at = now()')
  for (const start of await claimDueStarts(database.db, { limit: 100, leaseSeconds: 20 })) {
    await handOverStart(temporal.client, { ...start, taskQueue: worker.taskQueue }, PATIENT)
    await deleteStart(database.db, start.id)
  }
}

async function read(number: number, path: string): Promise<unknown> {
  const [match] = await findMatches(database.db, [emailOf(number)], 'primary_email')
  const attribute = match && findAttribute(match.document, path)
  return attribute?.value ?? attribute?.values
}

async function countActive(): Promise<number> {
  const { rows } = await database.db.query<{ count: number }>(
    'select count(*)::integer as count from profiles where active',
  )
  return rows[0]?.count ?? -1
}

async function vote(run: SourceRun, verdict: 'approve' | 'deny'): Promise<void> {
  await relay()
  await castTestVote(database.db, temporal, {
    approvalId: run.approvalId ?? '',
    actor: 'amy',
    verdict,
    subjectHash: run.planHash ?? '',
  })
}

test('a run sets what the report says, signed for its publisher, and the same report again nothing', async () => {
  await addPersons(2)
  report = reportOf(1, 2)
  expect(await pull()).toMatchObject({ state: 'succeeded', read: 2, updated: 2, failed: 0 })
  expect(await read(1, 'staff_information.team')).toBe('Registry')
  expect(await read(1, 'staff_information.cost_center')).toBe('1337.0')
  expect(await read(1, 'staff_information.manager')).toBe(true)
  expect(await read(1, 'timezone')).toBe('UTC+01:00 Europe/Paris')
  expect(await read(2, 'access_information.hris')).toMatchObject({
    employee_id: '2',
    primary_work_email: emailOf(2),
  })
  expect(await pull()).toMatchObject({ state: 'succeeded', read: 2, updated: 0, unchanged: 2 })
  const { rows } = await database.db.query(
    `select publisher, actor from profile_changes where publisher = 'hris'`,
  )
  expect(rows).toEqual(Array(2).fill({ publisher: 'hris', actor: 'source:staff' }))
  await keepHistory(temporal, { branch: 'nothing-differs', ...(await newestRun()) })
})

test('who has left is deactivated, and comes back with the report', async () => {
  await addPersons(6)
  report = reportOf(1, 2, 3, 4, 5, 6)
  await pull()
  report = reportOf(1, 2, 3, 4, 5)
  expect(await pull()).toMatchObject({ state: 'succeeded', deactivated: 1, unchanged: 5 })
  expect(await read(6, 'active')).toBe(false)
  await keepHistory(temporal, { branch: 'posted', ...(await newestRun()) })
  report = reportOf(1, 2, 3, 4, 5, 6)
  expect(await pull()).toMatchObject({ state: 'succeeded', updated: 1 })
  expect(await read(6, 'active')).toBe(true)
})

test('only who was seen by an earlier run can leave', async () => {
  await addPersons(3)
  report = reportOf(1)
  expect(await pull()).toMatchObject({ state: 'succeeded', deactivated: 0 })
  expect(await countActive()).toBe(3)
})

test.each([
  { what: 'an empty report', numbers: [], reason: 'empty', leavers: 6 },
  { what: 'a report of half or less', numbers: [1, 2], reason: 'shrunk', leavers: 4 },
  { what: 'more leavers than may', numbers: [1, 2, 3, 4], reason: 'leavers', leavers: 2 },
])('$what is held and touches nobody until it is approved', async (hold) => {
  const { numbers, reason, leavers } = hold
  await addPersons(6)
  report = reportOf(1, 2, 3, 4, 5, 6)
  await pull()
  report = reportOf(...numbers)
  const held = await pull()
  expect(held).toMatchObject({ state: 'held', deactivated: leavers, hold: { reason, known: 6 } })
  expect(await countActive()).toBe(6)
  const approval = await findApproval(database.db, held.approvalId ?? '')
  expect(approval?.subject).toEqual({ type: runApprovalType, id: held.id, hash: held.planHash })
  // What the source says by then does not count.
  report = reportOf(1, 2, 3, 4, 5, 6)
  await vote(held, 'approve')
  await waitForEnd(held.id, 'posting', 'succeeded')
  await relay()
  expect(await waitForEnd(held.id, 'succeeded')).toMatchObject({ deactivated: leavers })
  expect(await countActive()).toBe(6 - leavers)
  const { rows } = await database.db.query<{ cause: object }>(
    `select cause from audit_entries
     where cause ->> 'sourceRunId' = $1 order by seq desc limit 1`,
    [held.id],
  )
  expect(rows[0]?.cause).toMatchObject({ approvalId: held.approvalId })
})

test('a held run that is denied is discarded, with what it would have done', async () => {
  await addPersons(3)
  report = reportOf(1, 2, 3)
  await pull()
  report = reportOf()
  const held = await pull()
  await keepHistory(temporal, { branch: 'held', ...(await newestRun()) })
  await vote(held, 'deny')
  await waitForEnd(held.id, 'discarded')
  expect(await countActive()).toBe(3)
  const items = await listItems(database.db, held.id, { after: 0, limit: 10 })
  expect(items.flatMap(({ changed }) => changed)).toEqual([])
})

test('a later run that is held replaces the one before', async () => {
  await addPersons(3)
  report = reportOf(1, 2, 3)
  await pull()
  report = reportOf()
  const [older, newer] = [await pull(), await pull()]
  expect(newer.state).toBe('held')
  expect(await findSourceRun(database.db, older.id)).toMatchObject({ state: 'discarded' })
  const approval = await findApproval(database.db, older.approvalId ?? '')
  expect(approval?.approval.state).toBe('superseded')
})

test('a scheduled run that would ask the same again leaves the question as it is', async () => {
  await addPersons(3)
  report = reportOf(1, 2, 3)
  await pull()
  report = reportOf()
  const [older, newer] = [await pull(), await pull({ startedBy: 'schedule' })]
  expect(newer).toMatchObject({ state: 'discarded', approvalId: null })
  expect(await findSourceRun(database.db, older.id)).toMatchObject({ state: 'held' })
})

test('a dry run says what it would do, and touches nobody', async () => {
  await addPersons(3)
  report = reportOf(1, 2)
  const run = await pull({ dryRun: true })
  expect(run).toMatchObject({ state: 'succeeded', updated: 2 })
  expect(await listItems(database.db, run.id, { after: 0, limit: 10 })).toMatchObject([
    { condition: 'update', state: 'pending', key: emailOf(1) },
    { condition: 'update', state: 'pending', key: emailOf(2) },
  ])
  expect(await read(1, 'staff_information.team')).toBeUndefined()
  const { rows } = await database.db.query('select 1 from source_people')
  expect(rows).toEqual([])
})

test('rows that cannot be taken are listed, and hinder nobody else', async () => {
  await addPersons(3)
  report = {
    Report_Entry: [
      entryOf(1),
      entryOf(2, { PrimaryWorkEmail: '' }),
      entryOf(99),
      entryOf(1),
      entryOf(3, { CurrentlyActive: '0' }),
    ],
  }
  const run = await pull()
  expect(run).toMatchObject({ state: 'partial', updated: 1, unchanged: 1, failed: 3 })
  expect(await listFailures(database.db, run.id, 10)).toEqual([
    { record: 2, key: null, code: 'no_work_email' },
    { record: 3, key: emailOf(99), code: 'unknown_person' },
    { record: 4, key: emailOf(1), code: 'duplicate' },
  ])
})

test('a leaver is held while there is a row of which nobody knows whose it is', async () => {
  await addPersons(6)
  report = reportOf(1, 2, 3, 4, 5, 6)
  await pull()
  report = { Report_Entry: [...reportOf(1, 2, 3, 4, 5).Report_Entry, { EmployeeID: '6' }] }
  expect(await pull()).toMatchObject({ state: 'held', hold: { reason: 'unreadable' } })
})

test('what somebody changed meanwhile is newer than a held run, and stays', async () => {
  await addPersons(3)
  report = reportOf(1, 2, 3)
  await pull()
  report = reportOf()
  const held = await pull()
  const userId = 'ad|Mozilla-LDAP|person1'
  const later = new Date(Date.now() + 5_000).toISOString()
  const body = await publishers.signAll('cis', { active: false }, { last_modified: later })
  const back = await publishers.signAll('cis', { active: true }, { last_modified: later })
  for (const part of [body, back]) {
    await withTransaction(database.db, async (tx) => {
      const submission = { userId, publisher: 'cis', actor: 'test', requestId: 'r' } as const
      await submitChange(tx, deps(), { ...submission, body: part, receivedAt: new Date() })
    })
  }
  await vote(held, 'approve')
  await waitForEnd(held.id, 'posting', 'partial')
  await relay()
  expect(await waitForEnd(held.id, 'partial')).toMatchObject({ deactivated: 2, failed: 1 })
  expect(await read(1, 'active')).toBe(true)
  expect(await listFailures(database.db, held.id, 10)).toEqual([
    { record: null, key: userId, code: 'stale_attribute' },
  ])
})

test.each([
  ['is cut off', '{"Report_Entry": [{"Emplo', 'invalid_answer'],
  ['is something else', { Entries: [] }, 'invalid_source'],
])('a report that %s fails the run and touches nobody', async (_, text, code) => {
  await addPersons(2)
  report = reportOf(1, 2)
  await pull()
  report = text
  expect(await pull()).toMatchObject({ state: 'failed', errorCode: code })
  expect(await countActive()).toBe(2)
})

test('wrong credentials fail the run', async () => {
  sources.set('staff', createSource({ password: 'another' }))
  expect(await pull()).toMatchObject({ state: 'failed', errorCode: 'credentials_refused' })
  await keepHistory(temporal, { branch: 'failed', ...(await newestRun()) })
})

test('a run that is cancelled while it reads ends, and the next one goes on', async () => {
  await addPersons(1)
  let isAsked = false
  server.behave(() => (isAsked = true))
  const ended = pull()
  await waitUntil('the source is asked', async () => await Promise.resolve(isAsked))
  const { workflowId } = await newestRun()
  await temporal.client.call(async (client) => await client.workflow.getHandle(workflowId).cancel())
  expect(await ended).toMatchObject({ state: 'failed', errorCode: 'cancelled' })
  await keepHistory(temporal, { branch: 'cancelled', ...(await newestRun()) })
  answerWithReport()
  report = reportOf(1)
  expect(await pull()).toMatchObject({ state: 'succeeded', updated: 1 })
})

test('a source has one run at a time', async () => {
  const run = { source: 'staff', publisher: 'hris', mode: 'full', dryRun: false } as const
  const common = { ...run, startedBy: 'bob', requestId: 'r' }
  const added = [randomUUID(), randomUUID()].map(
    async (id) => await insertSourceRun(database.db, { ...common, id }),
  )
  const runs = await Promise.all(added)
  expect(runs.filter((one) => one !== undefined)).toHaveLength(1)
})

async function newestRun(): Promise<{ workflowId: string; workflowType: string }> {
  const { rows } = await database.db.query<{ id: string }>(
    'select id from source_runs order by created_at desc limit 1',
  )
  return { workflowId: `source-run:${rows[0]?.id}`, workflowType: sourcePullWorkflowType }
}
