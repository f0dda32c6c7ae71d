import type { Queryable } from '../client.ts'

/** An upload's place in its jurisdiction's order of receipt. */
export type UploadOrder = {
  readonly compact: string
  readonly jurisdiction: string
  readonly sequence: number
}

/** True while an upload of the same jurisdiction that was received before this one is not finished. */
export async function hasOlderOpenUpload(db: Queryable, order: UploadOrder): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (
       select from uploads
       where compact = $1::text and jurisdiction = $2::text and sequence < $3::bigint
         and state in ('received', 'validating', 'ingesting')
     ) as found`,
    [order.compact, order.jurisdiction, order.sequence],
  )
  return rows[0]?.found ?? false
}

/** True when the jurisdiction has received an upload after this one, finished or not. */
export async function hasNewerUpload(db: Queryable, order: UploadOrder): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    `select exists (
       select from upload_sequences
       where compact = $1::text and jurisdiction = $2::text and last > $3::bigint
     ) as found`,
    [order.compact, order.jurisdiction, order.sequence],
  )
  return rows[0]?.found ?? false
}
