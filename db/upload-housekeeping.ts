import type { Queryable } from './client.ts'

/** Where the form of an upload puts its file. */
export function formKey(uploadId: string): string {
  return `uploads/${uploadId}.csv`
}

/** The keys under which a file of this upload may lie: the form's, and the one it was claimed to. */
export async function listFileKeys(db: Queryable, uploadId: string): Promise<string[]> {
  const { rows } = await db.query<{ blob_key: string | null }>(
    'select blob_key from uploads where id = $1::uuid',
    [uploadId],
  )
  const key = rows[0]?.blob_key
  return typeof key === 'string' ? [...new Set([formKey(uploadId), key])] : []
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

/** Uploads whose form expired before `now` without a file. */
export async function listExpiredForms(
  db: Queryable,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from uploads
     where state = 'awaiting-file' and expires_at <= $1::timestamptz
     order by expires_at
     limit $2::integer`,
    [now, limit],
  )
  return rows.map((row) => row.id)
}

/** Ended uploads whose file may still lie there and whose form takes no other any more. */
export async function listLeftFiles(
  db: Queryable,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from uploads
     where blob_key is not null and blob_removed_at is null and finished_at is not null
       and expires_at <= $1::timestamptz
     order by finished_at
     limit $2::integer`,
    [now, limit],
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
