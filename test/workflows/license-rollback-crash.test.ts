import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyRingDocument } from '../../crypto/key-ring.ts'
import { enqueueWake } from '../../db/approval/open.ts'
import { judgeVote } from '../../db/approval/votes.ts'
import { withTransaction, type Database } from '../../db/client.ts'
import { findRollback, type Rollback } from '../../db/license/rollbacks.ts'
import { addPeople } from '../support/approvals.ts'
import { createTestDatabase } from '../support/database.ts'
import { createCrashSite, killWorker, waitForEnd } from '../support/ingest-crash.ts'
import { writeBoardFile } from '../support/ingest-kills.ts'
import { waitUntil } from '../support/polling.ts'
import { stopRegistrar } from '../support/registrar-process.ts'
import {
  approver,
  readLicenseState,
  recordRollbackVote,
  requestRollback,
  waitForRollback,
} from '../support/rollbacks.ts'
import { startTestTemporalServer, type TestTemporalServer } from '../support/temporal-server.ts'

const keyRing = generateKeyRingDocument()
const file = { rows: 9_000, seed: 7 }
// A worker that was killed is missed after 12 seconds.
const PATIENCE_MS = 90_000

let directory: string
let server: TestTemporalServer

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registrar-rollback-crash-'))
  // Worker processes poll the product's queues: not on the shared server.
  server = await startTestTemporalServer({ directory: join(directory, 'temporal') })
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
})

test('a rollback whose workers are killed is applied once, exactly as it was planned', async () => {
  const database = await createTestDatabase()
  const { db, url: databaseUrl } = database
  const site = await createCrashSite({ db, databaseUrl, temporalAddress: server.address, keyRing })
  await addPeople(db, { rollback_approvers: [approver] })
  let worker = site.spawnWorker()
  await waitForEnd(db, await site.accept({ text: writeBoardFile({ ...file, later: false }) }))
  const before = await readLicenseState(db)
  const uploadId = await site.accept({ text: writeBoardFile({ ...file, later: true }) })
  await waitForEnd(db, uploadId)
  const rollbackId = await requestRollback(db, { kind: 'upload', id: uploadId })
  const planned = await waitForRollback(db, rollbackId)
  const { restored, removed } = planned.counts
  const letGo = await holdLastLicense(db, planned)
  await approve(db, planned)
  for (const share of [0.1, 0.5]) {
    await waitForShare(db, planned, share)
    await killWorker(worker)
    worker = site.spawnWorker()
  }
  await letGo()
  const isApplied = async (): Promise<boolean> =>
    (await findRollback(db, rollbackId))?.state === 'applied'
  await waitUntil('it is applied', isApplied, { patienceMs: PATIENCE_MS })
  expect((await findRollback(db, rollbackId))?.counts).toEqual(planned.counts)
  expect(await readLicenseState(db)).toEqual(before)
  const { rows } = await db.query(
    `select (select count(*) from license_history where upload_id = $1::uuid) as changes,
       (select count(*) from audit_entries
        where action in ('license.restored', 'license.removed')
          and cause ->> 'rollbackId' = $1::text) as entries`,
    [rollbackId],
  )
  expect(rows).toEqual([{ changes: restored + removed, entries: restored + removed }])
  await stopRegistrar(worker)
  await site.close()
  await database.close()
}, 600_000)

async function approve(db: Database, planned: Rollback): Promise<void> {
  const approvalId = planned.approvalId ?? ''
  const voteId = await recordRollbackVote(db, planned)
  await withTransaction(db, async (tx) => {
    const { stored } = await judgeVote(tx, { approvalId, voteId })
    await enqueueWake(tx, stored, { requestId: voteId })
  })
}

/** Keeps a rollback from its end, however fast the machine is, until it is let go. */
async function holdLastLicense(db: Database, { id }: Rollback): Promise<() => Promise<void>> {
  const client = await db.connect()
  await client.query('begin')
  await client.query(
    `select from license_rollback_items where rollback_id = $1
     order by position desc limit 1 for update`,
    [id],
  )
  return async () => {
    await client.query('commit')
    client.release()
  }
}

async function waitForShare(db: Database, planned: Rollback, share: number): Promise<void> {
  const { restored, removed } = planned.counts
  await waitUntil(
    `${share * 100} % are done`,
    async () => {
      const { rows } = await db.query<{ done: number }>(
        `select count(*) as done from license_rollback_items
         where rollback_id = $1 and outcome = 'done'`,
        [planned.id],
      )
      return (rows[0]?.done ?? 0) >= share * (restored + removed)
    },
    { patienceMs: PATIENCE_MS },
  )
}
