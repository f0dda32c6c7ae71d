import type { FieldMessages } from '../core/license/messages.ts'
import type { Queryable } from './client.ts'

/** `{field: [{message, code}]}`; `_row` for the whole row. Never a cell's value. */
export type RowErrors = FieldMessages

export type UploadFaultKind = 'rejected' | 'duplicate' | 'warning'

export type UploadFault = {
  readonly record: number
  readonly kind: UploadFaultKind
  readonly firstLine: number
  readonly lastLine: number
  readonly errors: RowErrors
  /** The row's own bytes, encrypted; undefined once their retention has ended. */
  readonly rowCipher: Buffer | undefined
}

/** The encryption context that binds a row's bytes to their place. */
export function rowContext(uploadId: string, record: number): string {
  return `upload-row:${uploadId}:${record}`
}

type FaultRow = {
  readonly record: number
  readonly kind: UploadFaultKind
  readonly first_line: number
  readonly last_line: number
  readonly errors: RowErrors
  readonly row_cipher: Buffer | null
}

export type FaultQuery = {
  readonly uploadId: string
  readonly kinds: readonly UploadFaultKind[]
  /** Only records after this one; 0 from the start. */
  readonly after: number
  readonly limit: number
}

/** Faults in the order of the file, at most `limit`. */
export async function listFaults(db: Queryable, query: FaultQuery): Promise<UploadFault[]> {
  const { rows } = await db.query<FaultRow>(
    `select record, kind, first_line, last_line, errors, row_cipher
     from upload_faults
     where upload_id = $1::uuid and kind = any($2::text[]) and record > $3::bigint
     order by record
     limit $4::integer`,
    [query.uploadId, query.kinds, query.after, query.limit],
  )
  return rows.map((row) => ({
    record: row.record,
    kind: row.kind,
    firstLine: row.first_line,
    lastLine: row.last_line,
    errors: row.errors,
    rowCipher: row.row_cipher ?? undefined,
  }))
}
