import { randomUUID } from 'node:crypto'
import { handOverStart } from '../../connectors/temporal.ts'
import { providerSchema } from '../../core/roster/provider.ts'
import { rosterReconcileWorkflowId } from '../../core/roster/workflow.ts'
import { createSourcePullStart } from '../../core/source/workflow.ts'
import { createIngestStart, licenseUploadWorkflowId } from '../../core/license/workflow.ts'
import { createKeyRing, generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { withTransaction } from '../../db/client.ts'
import { findRollback, insertRollback } from '../../db/license/rollbacks.ts'
import { findSignatureRun, insertSignatureRun } from '../../db/profile/signature-runs.ts'
import { findReconcile, insertReconcile } from '../../db/profile/reconciles.ts'
import { insertRosterProvider } from '../../db/roster/providers.ts'
import {
  findRosterReconcile,
  findWritingReconcile,
  insertRosterReconcile,
} from '../../db/roster/reconciles.ts'
import { findSourceRun, insertSourceRun, type SourceRun } from '../../db/source/runs.ts'
import { cancelUpload } from '../../db/upload-cancel.ts'
import { advanceUpload, findUpload } from '../../db/uploads.ts'
import { claimDueStarts, enqueueStart } from '../../db/workflow-starts.ts'
import { endLostRuns } from '../../workers/lost-runs.ts'
import {
  licenseRollbackWorkflowId,
  signatureRunWorkflowId,
  sinkReconcileWorkflowId,
  workflowTypes,
} from '../../workflows/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { receiveIngestRecords } from '../support/ingest.ts'
import { createProviderBody } from '../support/rosters.ts'
import { createTestTemporal, silentLog, type TestTemporal } from '../support/temporal.ts'

let database: TestDatabase
let temporal: TestTemporal

beforeAll(async () => {
  database = await createTestDatabase()
  temporal = createTestTemporal()
})
beforeEach(async () => {
  await database.db.query(
    `truncate source_runs, signature_runs, sink_reconciles, uploads, license_rollbacks,
       workflow_starts cascade`,
  )
})
afterAll(async () => {
  await temporal.close()
  await database.close()
})

/** Starts a workflow that nobody works on: it runs until it is terminated. */
async function start(workflowId: string, workflowType: string): Promise<void> {
  await handOverStart(temporal.client, {
    workflowId,
    workflowType,
    taskQueue: `nobody-${randomUUID()}`,
    input: {},
    summary: 'Is worked on by nobody',
    requestId: 'r-1',
  })
}

async function terminate(workflowId: string): Promise<void> {
  await temporal.client.call(
    async (client) => await client.workflow.getHandle(workflowId).terminate(),
  )
}

async function insertRun(workflowId?: string): Promise<SourceRun> {
  const run = await insertSourceRun(database.db, {
    id: randomUUID(),
    source: `source-${randomUUID()}`,
    publisher: 'hris',
    mode: 'full',
    dryRun: false,
    startedBy: 'test',
    requestId: 'r-1',
    workflowId,
  })
  if (!run) throw new Error('Cannot go on: a run is under way')
  return run
}

async function look(): Promise<void> {
  const later = new Date(Date.now() + 60_000)
  await endLostRuns({ db: database.db, temporal: temporal.client, log: silentLog }, later)
}

async function stateOf({ id }: SourceRun): Promise<Partial<SourceRun>> {
  const { state, errorCode } = (await findSourceRun(database.db, id)) ?? {}
  return { ...(state && { state }), ...(errorCode !== undefined && { errorCode }) }
}

const lost = { state: 'failed', errorCode: 'terminated' }
const queued = { state: 'queued', errorCode: null }

test('a pull that was terminated ends as failed, and not before', async () => {
  const run = await insertRun()
  const { workflowId, workflowType } = createSourcePullStart(run, 'reading')
  await start(workflowId, workflowType)
  await look()
  expect(await stateOf(run)).toEqual(queued)
  await terminate(workflowId)
  await look()
  expect(await stateOf(run)).toEqual(lost)
})

test('a pull of a schedule is known by the workflow that the schedule has started', async () => {
  const [lostId, id] = [`source:staff-${randomUUID()}`, `source:staff-${randomUUID()}`]
  const [gone, running] = [await insertRun(lostId), await insertRun(id)]
  await start(id, workflowTypes.sourcePull)
  await look()
  expect(await stateOf(gone)).toEqual(lost)
  expect(await stateOf(running)).toEqual(queued)
})

test('a pull that was held is done by the run after its decision', async () => {
  const run = await insertRun()
  const held = createSourcePullStart(run, 'reading').workflowId
  const { workflowId, workflowType } = createSourcePullStart(run, 'posting')
  await start(held, workflowType)
  await terminate(held)
  await database.db.query(`update source_runs set state = 'posting', approval_id = $1`, [
    randomUUID(),
  ])
  await start(workflowId, workflowType)
  await look()
  expect(await stateOf(run)).toEqual({ ...queued, state: 'posting' })
  await terminate(workflowId)
  await look()
  expect(await stateOf(run)).toEqual(lost)
})

test('what waits in the outbox is not lost, nor what has only just begun', async () => {
  const run = await insertRun()
  await enqueueStart(database.db, createSourcePullStart(run, 'reading'))
  await look()
  const young = await insertRun()
  await endLostRuns({ db: database.db, temporal: temporal.client, log: silentLog }, new Date())
  expect([await stateOf(run), await stateOf(young)]).toEqual([queued, queued])
})

test('nothing ends while Temporal is away', async () => {
  const run = await insertRun()
  const away = createTestTemporal({ address: '127.0.0.1:1' })
  const deps = { db: database.db, temporal: away.client, log: silentLog }
  await expect(endLostRuns(deps, new Date(Date.now() + 60_000))).rejects.toMatchObject({
    code: 'temporal_unavailable',
  })
  await away.close()
  expect(await stateOf(run)).toEqual(queued)
})

test('looks at signatures and comparisons of sinks end so as well', async () => {
  const [signatures, reconcile] = [randomUUID(), randomUUID()]
  await insertSignatureRun(database.db, { id: signatures, renew: true, startedBy: 'test' })
  const report = { id: reconcile, sink: 'directory', repair: false, startedBy: 'test' }
  await withTransaction(database.db, async (tx) => await insertReconcile(tx, report))
  const workflows = [signatureRunWorkflowId(signatures), sinkReconcileWorkflowId(reconcile)]
  const states = async (): Promise<unknown[]> => [
    (await findSignatureRun(database.db, signatures))?.state,
    (await findReconcile(database.db, { id: reconcile, sink: 'directory' }))?.state,
  ]
  for (const id of workflows) await start(id, workflowTypes.signatureCheck)
  await look()
  expect(await states()).toEqual(['running', 'running'])
  for (const id of workflows) await terminate(id)
  await look()
  expect(await states()).toEqual(['failed', 'failed'])
})

test('a comparison of a roster ends so as well, and lets runs begin again', async () => {
  const { db } = database
  const [id, providerId] = [randomUUID(), randomUUID()]
  const settings = providerSchema.parse(createProviderBody())
  await insertRosterProvider(db, { id: providerId, tenant: 'valley', settings })
  const report = { id, tenant: 'valley', providerId, repair: true, startedBy: 'test' }
  await insertRosterReconcile(db, { ...report, requestId: 'r-1' })
  await db.query('update roster_reconciles set is_writing = true')
  await start(rosterReconcileWorkflowId(id), workflowTypes.rosterReconcile)
  await look()
  expect(await findWritingReconcile(db, providerId)).toBe(id)
  await terminate(rosterReconcileWorkflowId(id))
  await look()
  expect(await findWritingReconcile(db, providerId)).toBeUndefined()
  expect(await findRosterReconcile(db, id)).toMatchObject({
    state: 'failed',
    errorCode: 'terminated',
  })
})

async function receiveUpload(): Promise<string> {
  return await receiveIngestRecords(database.db, createKeyRing(generateKeyRingDocument()), [{}])
}

async function upload(id: string): Promise<{ state?: string; failureCode?: string | undefined }> {
  const { state, failureCode } = (await findUpload(database.db, id)) ?? {}
  return { ...(state && { state }), failureCode }
}

test('an upload whose ingest was terminated ends as failed, and not before', async () => {
  const id = await receiveUpload()
  await start(licenseUploadWorkflowId(id), workflowTypes.licenseIngest)
  await advanceUpload(database.db, id, 'validating')
  await look()
  expect(await upload(id)).toEqual({ state: 'validating' })
  await terminate(licenseUploadWorkflowId(id))
  await look()
  expect(await upload(id)).toEqual({ state: 'failed', failureCode: 'terminated' })
})

test('an upload that was to be cancelled when its ingest was terminated is cancelled', async () => {
  const id = await receiveUpload()
  await start(licenseUploadWorkflowId(id), workflowTypes.licenseIngest)
  await advanceUpload(database.db, id, 'validating')
  const cancellation = { uploadId: id, actor: 'board-clerk', requestId: 'r-2' }
  await withTransaction(database.db, async (tx) => await cancelUpload(tx, cancellation))
  await terminate(licenseUploadWorkflowId(id))
  await look()
  expect(await upload(id)).toEqual({ state: 'cancelled' })
})

test('an upload of which Temporal knows nothing is started again, once', async () => {
  const id = await receiveUpload()
  await look()
  await look()
  await database.db.query('update workflow_starts set next_attempt_at = now()')
  const starts = await claimDueStarts(database.db, { limit: 10, leaseSeconds: 60 })
  const {
    compact = '',
    jurisdiction = '',
    requestId = '',
  } = (await findUpload(database.db, id)) ?? {}
  const wanted = createIngestStart({ id, compact, jurisdiction, requestId }, undefined)
  expect(starts).toEqual([expect.objectContaining(wanted)])
  expect(await upload(id)).toEqual({ state: 'received' })
})

test('the planning of a rollback that was terminated ends as failed', async () => {
  const { db } = database
  const id = randomUUID()
  await insertRollback(db, {
    id,
    compact: 'aslp',
    jurisdiction: 'oh',
    tenant: undefined,
    target: { kind: 'upload', id: randomUUID() },
    dryRun: false,
    reason: undefined,
    requestedBy: 'board-clerk',
    requestId: 'r-1',
    traceparent: undefined,
  })
  await start(licenseRollbackWorkflowId(id), workflowTypes.licenseRollback)
  await look()
  expect(await findRollback(db, id)).toMatchObject({ state: 'planning' })
  await terminate(licenseRollbackWorkflowId(id))
  await look()
  expect(await findRollback(db, id)).toMatchObject({ state: 'failed', failureCode: 'terminated' })
})
