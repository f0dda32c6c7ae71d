import type { Queryable } from '../client.ts'

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

export async function insertRosterUpload(tx: Queryable, upload: RosterUpload): Promise<void> {
  await tx.query(
    `insert into roster_uploads (id, tenant, provider_id, size_bytes, created_by)
     values ($1::uuid, $2::text, $3::uuid, $4::bigint, $5::text)`,
    [upload.id, upload.tenant, upload.providerId, upload.sizeBytes, upload.createdBy],
  )
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
