import type { Queryable } from '../client.ts'
import { COLUMNS, type RosterRun } from './runs.ts'

export type RosterUpload = {
  readonly id: string
  readonly tenant: string
  readonly providerId: string
  readonly sizeBytes: number
  readonly createdBy: string
}

/** Where the archive of an upload is kept. */
export function rosterUploadKey(uploadId: string): string {
  return `rosters/${uploadId}.zip`
}

/** Writes down an archive that was uploaded. */
export async function insertRosterUpload(tx: Queryable, upload: RosterUpload): Promise<void> {
  await tx.query(
    `insert into roster_uploads (id, tenant, provider_id, size_bytes, created_by)
     values ($1::uuid, $2::text, $3::uuid, $4::bigint, $5::text)`,
    [upload.id, upload.tenant, upload.providerId, upload.sizeBytes, upload.createdBy],
  )
}

/** An upload with the run that reads it. */
export type RosterUploadRun = {
  readonly upload: RosterUpload & { readonly createdAt: Date }
  readonly run: RosterRun
}

/** The upload with this id and its run, if there is one. */
export async function findRosterUpload(
  db: Queryable,
  id: string,
): Promise<RosterUploadRun | undefined> {
  const { rows: uploads } = await db.query<RosterUploadRun['upload']>(
    `select id, tenant, provider_id as "providerId", size_bytes as "sizeBytes",
       created_by as "createdBy", created_at as "createdAt"
     from roster_uploads where id = $1::uuid`,
    [id],
  )
  const [upload] = uploads
  if (!upload) return undefined
  const { rows: runs } = await db.query<RosterRun>(
    `select ${COLUMNS} from roster_runs where provider_id = $1::uuid and upload_id = $2::uuid`,
    [upload.providerId, id],
  )
  return runs[0] && { upload, run: runs[0] }
}

/** Uploads whose archive nobody reads any more: their runs have ended. */
export async function listLeftRosterUploads(db: Queryable, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select u.id from roster_uploads u
     where u.removed_at is null
       and not exists (
         select from roster_runs r
         where r.provider_id = u.provider_id and r.upload_id = u.id and r.ended_at is null)
     order by u.created_at
     limit $1::integer`,
    [limit],
  )
  return rows.map(({ id }) => id)
}

/** Notes that the archive is gone. */
export async function markRosterUploadRemoved(db: Queryable, id: string): Promise<void> {
  await db.query('update roster_uploads set removed_at = clock_timestamp() where id = $1::uuid', [
    id,
  ])
}
