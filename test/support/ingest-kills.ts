import { defaultCompacts, type Compact } from '../../core/license/compacts.ts'
import { countLicenseFile, generateLicenseFile } from '../../core/sample/licenses.ts'
import type { SampleFile } from '../../core/sample/plan.ts'
import { createRandom } from '../../core/sample/random.ts'
import { createKeyRing, type KeyRingDocument } from '../../crypto/key-ring.ts'
import type { Database } from '../../db/client.ts'
import { pickCounts, type UploadCounts } from '../../db/uploads.ts'
import { createIngestFixture, receiveIngestFile, runIngest } from './ingest.ts'
import { killWorker, waitForEnd, waitForPoint, type CrashSite } from './ingest-crash.ts'
import { stopRegistrar } from './registrar-process.ts'
import { createTestTemporal, createTestWorker } from './temporal.ts'

const [aslp] = defaultCompacts as readonly [Compact]

/** A board's first or later file. */
export type BoardFile = Pick<SampleFile, 'rows' | 'seed'> & { readonly later: boolean }

/** The file's bytes. */
export function writeBoardFile(file: BoardFile): Buffer {
  const lines = generateLicenseFile({ compact: aslp, jurisdiction: 'oh', ...file })
  return Buffer.concat([...lines])
}

/** What an upload of the file has to count. */
export function countBoardFile(file: BoardFile): UploadCounts {
  return pickCounts(countLicenseFile({ compact: aslp, jurisdiction: 'oh', ...file }))
}

/** Ingests files one after the other while nothing happens, by the run's shared Temporal server. */
export async function ingestUndisturbed(
  db: Database,
  keyRing: KeyRingDocument,
  files: readonly BoardFile[],
): Promise<void> {
  const temporal = createTestTemporal({ ring: createKeyRing(keyRing) })
  const fixture = await createIngestFixture(db, temporal.ring)
  const worker = await createTestWorker(temporal, { activities: fixture.activities })
  for (const file of files) {
    const uploadId = await receiveIngestFile(db, fixture.blobs, { text: writeBoardFile(file) })
    await runIngest(temporal, uploadId, worker.taskQueue)
  }
  await worker.close()
  await fixture.close()
  await temporal.close()
}

/** Gives a database the key of keyed hashes of another one: equal people get equal hashes. */
export async function copyHashKey(from: Database, to: Database): Promise<void> {
  const { rows } = await from.query<{ key: string }>(
    'select json_agg(data_keys)::text as key from data_keys',
  )
  await to.query(
    'insert into data_keys select * from json_populate_recordset(null::data_keys, $1::json)',
    [rows[0]?.key],
  )
}

/** Ingests a file while its worker is killed, and started again, at each of these points. */
export async function ingestWithKills(
  site: CrashSite,
  file: BoardFile,
  points: readonly number[],
): Promise<void> {
  const random = createRandom('kills', file.seed, ...points)
  const uploadId = await site.accept({ text: writeBoardFile(file) })
  let worker = site.spawnWorker()
  for (const point of points) {
    await waitForPoint(site.db, uploadId, { point, random })
    await killWorker(worker)
    worker = site.spawnWorker()
  }
  const upload = await waitForEnd(site.db, uploadId)
  await stopRegistrar(worker)
  expect(upload).toMatchObject({ state: 'completed', counts: countBoardFile(file) })
}
