import type { FieldCipher } from '../crypto/field-cipher.ts'
import type { Queryable } from '../db/client.ts'
import { listFaults, rowContext, type FaultQuery } from '../db/upload-faults.ts'
import type { SpokenRow } from './presenters/upload-row.ts'

const BATCH_ROWS = 500

export type RowSource = { readonly db: Queryable; readonly cipher: FieldCipher }

/** Rows of which something is to be said, in the order of the file, their bytes decrypted. */
export async function listSpokenRows(
  { db, cipher }: RowSource,
  query: FaultQuery,
): Promise<SpokenRow[]> {
  const faults = await listFaults(db, query)
  return faults.map(({ record, firstLine, errors, rowCipher }) => ({
    line: firstLine,
    record,
    errors,
    bytes: rowCipher && cipher.decrypt(rowCipher, rowContext(query.uploadId, record)),
  }))
}

/** The same rows, all of them, a batch at a time: as fast as they are taken. */
export async function* streamSpokenRows(
  source: RowSource,
  query: Pick<FaultQuery, 'uploadId' | 'kinds'>,
): AsyncGenerator<readonly SpokenRow[]> {
  let after = 0
  for (;;) {
    const rows = await listSpokenRows(source, { ...query, after, limit: BATCH_ROWS })
    if (rows.length > 0) yield rows
    if (rows.length < BATCH_ROWS) return
    after = rows.at(-1)?.record ?? after
  }
}
