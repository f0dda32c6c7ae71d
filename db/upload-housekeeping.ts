import type { Queryable } from './client.ts'
import type { Upload } from './uploads.ts'

const FOLDER = 'uploads/'
const EXTENSION = '.csv'
/** A file whose upload began before its form expired may take this much longer. */
const LATE_FINISH_SECONDS = 600

/** Where the form of an upload puts its file. */
export function formKey(uploadId: string): string {
  return `${FOLDER}${uploadId}${EXTENSION}`
}

/** The upload whose form puts its file under this key. */
export function uploadIdOf(key: string): string {
  return key.slice(FOLDER.length, -EXTENSION.length)
}

/** True when nobody can still be sending a file to the upload's form. */
export function hasFormExpired(upload: Pick<Upload, 'expiresAt'>, now: Date): boolean {
  if (upload.expiresAt === undefined) return false
  return now.getTime() >= upload.expiresAt.getTime() + LATE_FINISH_SECONDS * 1000
}

/** Notes that an upload's file is gone; `open` forms may still bring another, so those are looked at again. */
export async function markFileRemoved(
  db: Queryable,
  uploadId: string,
  forms: 'open' | 'shut',
): Promise<void> {
  await db.query(
    `update uploads set blob_removed_at = now()
     where id = $1::uuid and blob_key is not null and ($2::boolean or expires_at <= now())`,
    [uploadId, forms === 'shut'],
  )
}

/** Uploads whose form has expired without a file, oldest first. */
export async function listExpiredForms(
  db: Queryable,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from uploads
     where state = 'awaiting-file'
       and expires_at <= $1::timestamptz - make_interval(secs => $2::float8)
     order by expires_at
     limit $3::integer`,
    [now, LATE_FINISH_SECONDS, limit],
  )
  return rows.map((row) => row.id)
}

/** Ended uploads whose file may still lie there; with `open` forms only those whose form has ended. */
export async function listLeftFiles(
  db: Queryable,
  query: { readonly now: Date; readonly limit: number; readonly forms: 'open' | 'shut' },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from uploads
     where blob_key is not null and blob_removed_at is null and finished_at is not null
       and ($2::boolean or expires_at <= $1::timestamptz)
     order by finished_at
     limit $3::integer`,
    [query.now, query.forms === 'shut', query.limit],
  )
  return rows.map((row) => row.id)
}

/** Forgets the bytes of refused rows of one upload that ended before then; undefined when none is left. */
export async function forgetRows(db: Queryable, endedBefore: Date): Promise<string | undefined> {
  const { rows } = await db.query<{ id: string }>(
    `with due as (
       update uploads set rows_forgotten_at = now()
       where id = (
         select id from uploads
         where rows_forgotten_at is null and finished_at < $1::timestamptz
         order by finished_at
         limit 1
         for update skip locked
       )
       returning id
     ), forgotten as (
       update upload_faults set row_cipher = null
       where upload_id = (select id from due) and row_cipher is not null
     )
     select id from due`,
    [endedBefore],
  )
  return rows[0]?.id
}
