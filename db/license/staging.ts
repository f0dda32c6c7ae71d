import type { Queryable, Transaction } from '../client.ts'
import { copyParts } from '../copy-text.ts'
import { boardColumns } from './columns.ts'

/** One chunk of one upload. */
export type ChunkKey = { readonly uploadId: string; readonly chunk: number }

/** The columns of a staged row in the order of the COPY text that the parser writes. */
export const stagingColumns: readonly string[] = [
  'record',
  'chunk',
  'first_line',
  'last_line',
  'byte_start',
  'byte_end',
  'ssn_hash',
  'last_four',
  'license_type',
  'content_hash',
  ...boardColumns.map((column) => column.name),
  'family_name_key',
  'given_name_key',
  'provider_id',
  'ssn_cipher',
  'outcome',
]

/** The columns of a row's faults in the order of the COPY text that the parser writes. */
export const faultColumns: readonly string[] = [
  'upload_id',
  'record',
  'kind',
  'chunk',
  'first_line',
  'last_line',
  'errors',
  'row_cipher',
]

const UPLOAD_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The upload's own staging table; the id is checked, because a table's name cannot be a parameter. */
export function nameStagingTable(uploadId: string): string {
  if (!UPLOAD_ID.test(uploadId))
    throw new TypeError('Cannot name a staging table: id is not a UUID')
  return `staging.license_${uploadId.replaceAll('-', '')}`
}

/**
 * Makes the upload's staging table when it is absent. It is unlogged and never vacuumed: its rows
 * live for minutes, and a crash of the server empties it together with the markers of its chunks.
 */
export async function createStagingTable(db: Queryable, uploadId: string): Promise<void> {
  const columns = boardColumns.map((column) => `${column.name} ${column.type}`).join(', ')
  await db.query(
    `create unlogged table if not exists ${nameStagingTable(uploadId)} (
       record bigint not null,
       chunk integer not null,
       first_line bigint not null,
       last_line bigint not null,
       byte_start bigint not null,
       byte_end bigint not null,
       ssn_hash bytea not null,
       last_four text not null,
       license_type text not null,
       content_hash bytea not null,
       ${columns},
       family_name_key text,
       given_name_key text,
       provider_id uuid not null,
       -- Null when the SSN is known already: then provider_id is the stored one.
       ssn_cipher bytea,
       -- Of a row whose provider is known: what applying it means. Staged as unchanged, a row is
       -- what is stored already: its board-owned fields and name keys are left out.
       outcome text,
       -- The hash of the content that it replaces.
       before_hash bytea
     ) with (autovacuum_enabled = false, toast.autovacuum_enabled = false)`,
  )
}

/** Copies one chunk's rows, given as COPY text of `stagingColumns`. */
export async function copyStagedRows(
  tx: Transaction,
  uploadId: string,
  parts: readonly Uint8Array[],
): Promise<void> {
  const columns = stagingColumns.join(', ')
  await copyParts(tx, `copy ${nameStagingTable(uploadId)} (${columns}) from stdin`, parts)
}

/** Copies the faults of one chunk's rows, given as COPY text of `faultColumns`. */
export async function copyFaults(tx: Transaction, parts: readonly Uint8Array[]): Promise<void> {
  await copyParts(tx, `copy upload_faults (${faultColumns.join(', ')}) from stdin`, parts)
}

/** Marks a chunk as staged; the marker is as volatile as the rows themselves. */
export async function markChunkStaged(tx: Queryable, key: ChunkKey): Promise<void> {
  await tx.query('insert into staging.chunks (upload_id, chunk) values ($1::uuid, $2::integer)', [
    key.uploadId,
    key.chunk,
  ])
}

/** Forgets everything that is staged for the upload. */
export async function dropStaging(tx: Queryable, uploadId: string): Promise<void> {
  await tx.query(`drop table if exists ${nameStagingTable(uploadId)}`)
  await tx.query(
    `with duplicates as (delete from staging.duplicates where upload_id = $1::uuid),
       ready as (delete from staging.ready where upload_id = $1::uuid)
     delete from staging.chunks where upload_id = $1::uuid`,
    [uploadId],
  )
}
