import type { Queryable } from '../client.ts'
import { nameStagingTable, type ChunkKey } from './staging.ts'

/** A row whose SSN and license type an earlier row of the same file has. */
export type DuplicateRow = {
  readonly record: number
  readonly firstLine: number
  readonly lastLine: number
  readonly byteStart: number
  readonly byteEnd: number
  readonly licenseType: string
  /** The record that won. */
  readonly firstRecord: number
}

/**
 * Takes every later row of the same SSN and license type out of the staged rows and notes it as a
 * duplicate of the first; returns how many. A second call finds nothing more.
 */
export async function separateDuplicates(tx: Queryable, uploadId: string): Promise<number> {
  const table = nameStagingTable(uploadId)
  const { rowCount } = await tx.query(
    `with firsts as (
       select ssn_hash, license_type, min(record) as record
       from ${table}
       group by ssn_hash, license_type
       having count(*) > 1
     ), taken as (
       delete from ${table} s
       using firsts f
       where s.ssn_hash = f.ssn_hash and s.license_type = f.license_type and s.record > f.record
       returning s.chunk, s.record, s.first_line, s.last_line, s.byte_start, s.byte_end,
         s.license_type, f.record as first_record
     )
     insert into staging.duplicates
       (upload_id, chunk, record, first_line, last_line, byte_start, byte_end, license_type,
        first_record)
     select $1::uuid, chunk, record, first_line, last_line, byte_start, byte_end, license_type,
       first_record
     from taken`,
    [uploadId],
  )
  return rowCount ?? 0
}

/**
 * Indexes the staged rows by chunk and tells the planner how they are spread over chunks, which is
 * all that it has to know; pays once all rows are there.
 */
export async function indexStagedRows(tx: Queryable, uploadId: string): Promise<void> {
  const table = nameStagingTable(uploadId)
  await tx.query(`create index if not exists ${table.split('.')[1]}_chunk on ${table} (chunk)`)
  await tx.query(`analyze ${table} (chunk)`)
}

/** Notes that duplicates were separated, so that chunks may be applied. */
export async function markUploadReady(tx: Queryable, uploadId: string): Promise<void> {
  await tx.query(
    'insert into staging.ready (upload_id) values ($1::uuid) on conflict (upload_id) do nothing',
    [uploadId],
  )
}

/** The duplicates of one chunk, in the file's order. */
export async function listDuplicates(db: Queryable, key: ChunkKey): Promise<DuplicateRow[]> {
  const { rows } = await db.query<DuplicateRow>(
    `select record, first_line as "firstLine", last_line as "lastLine",
       byte_start as "byteStart", byte_end as "byteEnd", license_type as "licenseType",
       first_record as "firstRecord"
     from staging.duplicates
     where upload_id = $1::uuid and chunk = $2::integer
     order by record`,
    [key.uploadId, key.chunk],
  )
  return rows
}
