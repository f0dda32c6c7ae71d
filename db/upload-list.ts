import type { Queryable } from './client.ts'
import { toUpload, UPLOAD_COLUMNS, type Upload, type UploadRow } from './uploads.ts'

/** A jurisdiction of a compact. */
export type Place = { readonly compact: string; readonly jurisdiction: string }

export type UploadQuery = {
  /** Only uploads for these places. */
  readonly places: readonly Place[]
  /** Only those without a tenant or of this one; undefined: of any. */
  readonly tenant: string | undefined
  /** Only those after this one in the list; undefined from the start. */
  readonly after: { readonly createdAt: string; readonly id: string } | undefined
  readonly limit: number
}

/** Uploads, newest first, at most `limit`. */
export async function listUploads(db: Queryable, query: UploadQuery): Promise<Upload[]> {
  const { rows } = await db.query<UploadRow>(
    `select ${UPLOAD_COLUMNS}
     from uploads
     where (compact, jurisdiction) in (
         select * from unnest($1::text[], $2::text[])
       )
       and ($3::text is null or tenant is null or tenant = $3::text)
       and ($4::timestamptz is null or (created_at, id) < ($4::timestamptz, $5::uuid))
     order by created_at desc, id desc
     limit $6::integer`,
    [
      query.places.map((place) => place.compact),
      query.places.map((place) => place.jurisdiction),
      query.tenant ?? null,
      query.after?.createdAt ?? null,
      query.after?.id ?? null,
      query.limit,
    ],
  )
  return rows.map(toUpload)
}
