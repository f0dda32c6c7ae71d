import { randomUUID } from 'node:crypto'
import { defaultCompacts, type Compact } from '../../core/license/compacts.ts'
import type { RollbackTarget } from '../../core/license/rollback.ts'
import { generateLicenseFile } from '../../core/sample/licenses.ts'
import { approvalWorkflowId } from '../../core/approval/workflow.ts'
import { listRollbackItems, type RollbackItem } from '../../db/license/rollback-items.ts'
import type { Rollback } from '../../db/license/rollbacks.ts'
import { sendUpdate } from '../../connectors/temporal-update.ts'
import {
  approvalMessages,
  licenseRollbackWorkflowId,
  taskQueues,
  workflowTypes,
} from '../../workflows/messages.ts'
import { addPeople, waitForState } from '../support/approvals.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestEngine, type TestEngine } from '../support/engine.ts'
import { keepHistory } from '../support/history.ts'
import {
  createIngestFixture,
  receiveIngestFile,
  runIngest,
  type IngestFixture,
} from '../support/ingest.ts'
import { waitUntil } from '../support/polling.ts'
import {
  approver,
  createRollbackActivities,
  readLicenseState,
  recordRollbackVote,
  requestRollback,
  waitForRollback,
  writeRows,
  type Row,
} from '../support/rollbacks.ts'
import { createTestNamespace, type TestTemporal } from '../support/temporal.ts'

const [aslp] = defaultCompacts as readonly [Compact]
const ann: Row = { ssn: '123-45-6781', givenName: 'Ann' }
const bea: Row = { ssn: '123-45-6782', givenName: 'Bea' }
const cleo: Row = { ssn: '123-45-6783', givenName: 'Cleo' }

let database: TestDatabase
let temporal: TestTemporal
let fixture: IngestFixture
let engine: TestEngine

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = await createTestNamespace({ plain: true, namespace: `rollbacks-${randomUUID()}` })
  fixture = await createIngestFixture(database.db, temporal.ring)
  await addPeople(database.db, { rollback_approvers: [approver] })
  engine = await startTestEngine(temporal, {
    db: database.db,
    activities: {
      ...fixture.activities,
      // Several pages of a small plan.
      ...(await createRollbackActivities(database.db, temporal.ring, { pageSize: 7 })),
    },
  })
})
beforeEach(async () => {
  await database.db.query(
    `truncate provider_ssns, licenses, providers, license_history, privileges, events,
       license_rollbacks cascade`,
  )
})
afterAll(async () => {
  await engine.close()
  await fixture.close()
  await temporal.close()
  await database.close()
})

async function upload(text: string | Buffer): Promise<RollbackTarget> {
  const id = await receiveIngestFile(database.db, fixture.blobs, { text })
  await runIngest(temporal, id, taskQueues.registrar)
  return { kind: 'upload', id }
}

async function plan(
  target: RollbackTarget,
  change: { readonly dryRun?: boolean } = {},
): Promise<Rollback> {
  const rollbackId = await requestRollback(database.db, target, change)
  return await waitForRollback(database.db, rollbackId)
}

async function decide(rollback: Rollback, verdict?: 'approve' | 'deny'): Promise<void> {
  const { approvalId = '', planHash: subjectHash = '' } = rollback
  const voteId = await recordRollbackVote(database.db, rollback, verdict)
  await waitUntil('the vote is taken', async () => {
    const update = {
      workflowId: approvalWorkflowId(approvalId),
      name: approvalMessages.vote,
      updateId: voteId,
      input: { voteId, subjectHash },
    }
    return await sendUpdate(temporal.client, update, { deadlineMs: 60_000 }).then(
      (answer) => !answer.refused,
      () => false,
    )
  })
}

async function rollBack(target: RollbackTarget): Promise<RollbackTarget & { counts: object }> {
  const planned = await plan(target)
  expect(planned.state).toBe('awaiting-approval')
  await decide(planned)
  const { id, counts } = await waitForRollback(database.db, planned.id, 'applied')
  return { kind: 'rollback', id, counts }
}

async function listItems(rollbackId: string): Promise<RollbackItem[]> {
  const query = { rollbackId, action: undefined, after: 0, limit: 1_000 }
  return await listRollbackItems(database.db, query)
}

async function keep(rollbackId: string, branch: string): Promise<void> {
  const workflowId = licenseRollbackWorkflowId(rollbackId)
  await keepHistory(temporal, { workflowId, workflowType: workflowTypes.licenseRollback, branch })
}

function sample(later: boolean): Buffer {
  const file = { compact: aslp, jurisdiction: 'oh', rows: 120, seed: 5, later }
  return Buffer.concat([...generateLicenseFile(file)])
}

test('a rollback gives back what was before the upload, its undo what was after it, and so on', async () => {
  await upload(sample(false))
  const before = await readLicenseState(database.db)
  const target = await upload(sample(true))
  const after = await readLicenseState(database.db)
  expect(after).not.toEqual(before)

  const first = await rollBack(target)
  expect(await readLicenseState(database.db)).toEqual(before)
  const undo = await rollBack(first)
  expect(await readLicenseState(database.db)).toEqual(after)
  const again = await rollBack(undo)
  expect(await readLicenseState(database.db)).toEqual(before)
  expect(again.counts).toEqual(first.counts)
})

test('a rollback of a first upload leaves no license, and the next file finds the same providers', async () => {
  const file = writeRows([ann, bea])
  const target = await upload(file)
  const before = await readLicenseState(database.db)
  const { counts, ...undoable } = await rollBack(target)
  expect(counts).toEqual({ restored: 0, removed: 2, recreated: 0, kept: 0 })
  expect(await readLicenseState(database.db)).toEqual({
    licenses: [],
    providers: [],
    privileges: [],
  })

  const again = await upload(file)
  const { licenses } = (await readLicenseState(database.db)) as {
    licenses: { provider_id: string }[]
  }
  const known = before as { licenses: { provider_id: string }[] }
  expect(licenses.map((each) => each.provider_id)).toEqual(
    known.licenses.map((each) => each.provider_id),
  )
  // They were created anew: bringing the removed ones back would overwrite that.
  const undo = await plan(undoable)
  expect([undo.state, undo.failureCode, undo.counts.kept]).toEqual([
    'failed',
    'nothing_to_roll_back',
    2,
  ])
  await keep(undo.id, 'nothing')
  expect((await plan(again)).counts).toMatchObject({ removed: 2, kept: 0 })
})

test('licenses that were changed since are kept, and say so', async () => {
  await upload(writeRows([ann, bea]))
  const target = await upload(
    writeRows([{ ...ann, familyName: 'Wrong' }, { ...bea, familyName: 'Wrong' }, cleo]),
  )
  await upload(
    writeRows([
      { ...bea, familyName: 'Right' },
      { ...cleo, familyName: 'Right' },
    ]),
  )
  const { id, counts } = await rollBack(target)
  expect(counts).toEqual({ restored: 1, removed: 0, recreated: 0, kept: 2 })
  expect((await listItems(id)).map(({ action, reason }) => [action, reason])).toEqual([
    ['keep', 'changed-since'],
    ['keep', 'changed-since'],
    ['restore', null],
  ])
  const { rows } = await database.db.query(
    'select given_name, family_name from licenses order by given_name',
  )
  expect(rows).toEqual([
    { given_name: 'Ann', family_name: 'Gudmundsdottir' },
    { given_name: 'Bea', family_name: 'Right' },
    { given_name: 'Cleo', family_name: 'Right' },
  ])
})

test('two uploads are rolled back one after the other, the later first', async () => {
  await upload(writeRows([ann]))
  const before = await readLicenseState(database.db)
  const first = await upload(writeRows([{ ...ann, familyName: 'Wrong' }, bea]))
  const second = await upload(
    writeRows([
      { ...ann, familyName: 'Worse' },
      { ...bea, npi: '' },
    ]),
  )
  expect((await plan(first, { dryRun: true })).counts).toMatchObject({ restored: 0, kept: 2 })
  await rollBack(second)
  const { counts } = await rollBack(first)
  expect(counts).toEqual({ restored: 1, removed: 1, recreated: 0, kept: 0 })
  expect(await readLicenseState(database.db)).toEqual(before)
})

test('a rollback of other jurisdictions and uploads touches nothing', async () => {
  await upload(writeRows([ann, bea]))
  const target = await upload(writeRows([{ ...ann, phoneNumber: '' }]))
  const elsewhere = await receiveIngestFile(database.db, fixture.blobs, {
    jurisdiction: 'ky',
    text: writeRows([{ ...ann, familyName: 'Elsewhere' }]),
  })
  await runIngest(temporal, elsewhere, taskQueues.registrar)
  const { counts } = await rollBack(target)
  expect(counts).toEqual({ restored: 1, removed: 0, recreated: 0, kept: 0 })
  const { rows } = await database.db.query(
    `select jurisdiction, given_name, family_name, phone_number is not null as phone
     from licenses order by jurisdiction, given_name`,
  )
  expect(rows).toEqual([
    { jurisdiction: 'ky', given_name: 'Ann', family_name: 'Elsewhere', phone: true },
    { jurisdiction: 'oh', given_name: 'Ann', family_name: 'Gudmundsdottir', phone: true },
    { jurisdiction: 'oh', given_name: 'Bea', family_name: 'Gudmundsdottir', phone: true },
  ])
})

test('every license leaves a history row, an audit entry with hashes, and no content in the plan', async () => {
  await upload(writeRows([ann]))
  const target = await upload(writeRows([{ ...ann, familyName: 'Wrong' }, bea]))
  const { id } = await rollBack(target)
  const history = await database.db.query(
    `select update_type, updated_values, removed_values = '{}' as whole, actor
     from license_history where upload_id = $1 order by updated_values = '{}'`,
    [id],
  )
  expect(history.rows).toEqual([
    {
      update_type: 'rollback',
      updated_values: { familyName: 'Gudmundsdottir' },
      whole: true,
      actor: 'board-clerk',
    },
    { update_type: 'rollback', updated_values: {}, whole: false, actor: 'board-clerk' },
  ])
  const audit = await database.db.query(
    `select action, before_hash is not null as before, after_hash is not null as after
     from audit_entries where cause ->> 'rollbackId' = $1 order by action`,
    [id],
  )
  expect(audit.rows).toEqual([
    { action: 'license-rollback.applied', before: false, after: false },
    { action: 'license-rollback.requested', before: false, after: false },
    { action: 'license.removed', before: true, after: false },
    { action: 'license.restored', before: true, after: true },
  ])
  const { rows } = await database.db.query(
    'select count(content) as left from license_rollback_items where rollback_id = $1',
    [id],
  )
  expect(rows).toEqual([{ left: 0 }])
})

test('a dry run plans, opens no approval and changes nothing', async () => {
  await upload(writeRows([ann]))
  const target = await upload(writeRows([{ ...ann, familyName: 'Wrong' }]))
  const before = await readLicenseState(database.db)
  const planned = await plan(target, { dryRun: true })
  await keep(planned.id, 'planned')
  expect(planned).toMatchObject({
    state: 'planned',
    counts: { restored: 1 },
    approvalId: undefined,
  })
  expect(await readLicenseState(database.db)).toEqual(before)
  const real = await plan(target)
  await keep(real.id, 'awaiting-approval')
  expect(real.planHash).toBe(planned.planHash)
})

test('a denied rollback changes nothing, and another one may follow', async () => {
  const target = await upload(writeRows([ann]))
  const before = await readLicenseState(database.db)
  const planned = await plan(target)
  await expect(requestRollback(database.db, target)).rejects.toMatchObject({
    code: 'rollback_open',
  })
  await decide(planned, 'deny')
  await waitForRollback(database.db, planned.id, 'denied')
  expect(await readLicenseState(database.db)).toEqual(before)
  expect((await plan(target)).state).toBe('awaiting-approval')
})

test('a waiting rollback is superseded when an upload changes one of its licenses, else not', async () => {
  const target = await upload(writeRows([ann, bea]))
  const planned = await plan(target)
  await upload(writeRows([cleo]))
  expect((await waitForRollback(database.db, planned.id)).state).toBe('awaiting-approval')
  await upload(writeRows([{ ...bea, familyName: 'Right' }]))
  await waitForRollback(database.db, planned.id, 'superseded')
  await waitForState(database.db, planned.approvalId ?? '', 'superseded')
})

test('what changed after the last look fails the rollback, and nothing of it is applied', async () => {
  const target = await upload(writeRows([ann, bea]))
  const planned = await plan(target)
  await database.db.query(
    `update licenses set family_name = 'Changed', content_hash = '\\x00' where given_name = 'Bea'`,
  )
  const before = await readLicenseState(database.db)
  await decide(planned)
  const { failureCode } = await waitForState(database.db, planned.approvalId ?? '', 'apply-failed')
  expect(failureCode).toBe('subject_changed')
  expect((await waitForRollback(database.db, planned.id)).state).toBe('superseded')
  expect(await readLicenseState(database.db)).toEqual(before)
})

test('an approved rollback waits for uploads that began before it', async () => {
  const target = await upload(writeRows([ann]))
  const planned = await plan(target)
  const running = await receiveIngestFile(database.db, fixture.blobs, { text: writeRows([bea]) })
  await database.db.query(
    `update uploads set state = 'validating', started_at = now() where id = $1`,
    [running],
  )
  await decide(planned)
  await waitForRollback(database.db, planned.id, 'applying')
  await new Promise((go) => setTimeout(go, 1_200))
  expect((await listItems(planned.id)).map(({ outcome }) => outcome)).toEqual([null])
  await runIngest(temporal, running, taskQueues.registrar)
  const { counts } = await waitForRollback(database.db, planned.id, 'applied')
  expect(counts).toMatchObject({ removed: 1 })
})

test('privileges follow: what the upload deactivated is active again, and the undo deactivates it', async () => {
  await upload(writeRows([ann, bea]))
  await database.db.query(
    `insert into privileges (privilege_id, compact, provider_id, jurisdiction,
       license_jurisdiction, license_type, date_of_issuance, date_of_expiration)
     select 'AUD-' || given_name, compact, provider_id, 'ky', 'oh', license_type, now(), '2027-04-04'
     from licenses`,
  )
  await database.db.query(
    `update privileges set license_deactivated_at = '2020-01-01' where privilege_id = 'AUD-Bea'`,
  )
  const inactive = { licenseStatus: 'inactive', compactEligibility: 'ineligible' }
  const target = await upload(
    writeRows([
      { ...ann, ...inactive },
      { ...bea, ...inactive },
    ]),
  )
  const { counts: _counts, ...first } = await rollBack(target)
  const read = async (): Promise<object[]> => {
    const { rows } = await database.db.query<object>(
      `select privilege_id as id, license_deactivated_at is null as active
       from privileges order by privilege_id`,
    )
    return rows
  }
  expect(await read()).toEqual([
    { id: 'AUD-Ann', active: true },
    { id: 'AUD-Bea', active: false },
  ])
  await database.db.query('delete from events')
  await rollBack(first)
  expect(await read()).toEqual([
    { id: 'AUD-Ann', active: false },
    { id: 'AUD-Bea', active: false },
  ])
  const { rows } = await database.db.query(
    `select count(*) as events from events where type = 'license.deactivation'`,
  )
  expect(rows).toEqual([{ events: 2 }])
})

test.each([
  [
    'privilege',
    `insert into privileges (privilege_id, compact, provider_id, jurisdiction,
     license_jurisdiction, license_type, date_of_issuance, date_of_expiration)
     select 'AUD-1', compact, provider_id, 'ky', 'oh', license_type, now(), '2027-04-04' from licenses`,
  ],
  ['marked', `update licenses set encumbrance_status = 'encumbered'`],
  ['registered', `update providers set home_jurisdiction = 'oh'`],
])('a created license stays when something rests on it: %s', async (reason, sql) => {
  const target = await upload(writeRows([ann]))
  await database.db.query(sql)
  const planned = await plan(target)
  expect([planned.state, planned.failureCode]).toEqual(['failed', 'nothing_to_roll_back'])
  expect((await listItems(planned.id)).map((item) => item.reason)).toEqual([reason])
})

test('what cannot be planned fails with its code', async () => {
  const id = await receiveIngestFile(database.db, fixture.blobs, { text: writeRows([ann]) })
  const rollback = await plan({ kind: 'upload', id })
  await keep(rollback.id, 'failed')
  expect([rollback.state, rollback.failureCode]).toEqual(['failed', 'nothing_to_roll_back'])
})
