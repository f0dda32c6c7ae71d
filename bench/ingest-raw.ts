import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { boardColumns, licenseColumns } from '../db/license/columns.ts'
import { timeMs } from './report.ts'

const UPLOAD = '00000000-0000-7000-8000-000000000000'
const names = licenseColumns.join(', ')
const types = boardColumns.map((column) => `${column.name} ${column.type}`).join(', ')
const columns = `record, ssn_hash, last_four, license_type, ${names}, provider_id, ssn_cipher`

// The tables that a first load writes, with their keys and nothing else.
const SCHEMA = `
  drop schema if exists raw cascade;
  create schema raw;
  create unlogged table raw.staging (
    record bigint not null, ssn_hash bytea not null, last_four text not null,
    license_type text not null, ${types}, family_name_key text not null,
    given_name_key text not null, content_hash bytea not null, provider_id uuid not null,
    ssn_cipher bytea
  ) with (autovacuum_enabled = false);
  create table raw.provider_ssns (like provider_ssns including defaults);
  alter table raw.provider_ssns add primary key (compact, ssn_hash), add unique (provider_id);
  create table raw.licenses (like licenses including defaults);
  alter table raw.licenses add primary key (provider_id, jurisdiction, license_type);
  create table raw.providers (like providers including defaults);
  alter table raw.providers add primary key (provider_id);
  create table raw.audit_entries (like audit_entries including defaults including identity);
  alter table raw.audit_entries add primary key (seq)`

const INSERTS = [
  `insert into raw.provider_ssns
     (compact, ssn_hash, provider_id, ssn_cipher, last_four, upload_id, upload_record)
   select distinct on (ssn_hash) 'aslp', ssn_hash, provider_id, ssn_cipher, last_four, '${UPLOAD}',
     record
   from raw.staging`,
  `insert into raw.licenses
     (provider_id, compact, jurisdiction, license_type, ${names}, upload_id, upload_record,
      upload_sequence, created_at, updated_at)
   select provider_id, 'aslp', 'oh', license_type, ${names}, '${UPLOAD}', record, 1, now(), now()
   from raw.staging`,
  `insert into raw.providers
     (provider_id, compact, license_jurisdiction, license_type, family_name_key, given_name_key,
      jurisdictions, created_at, updated_at)
   select distinct on (provider_id) provider_id, 'aslp', 'oh', license_type, family_name_key,
     given_name_key, array['oh'], now(), now()
   from raw.staging`,
  `insert into raw.audit_entries (actor, action, subject_type, subject_id, after_hash, cause)
   select 'bench', 'license.created', 'license', provider_id || '/oh/' || license_type, content_hash,
     jsonb_build_object('record', record, 'uploadId', '${UPLOAD}', 'requestId', '${UPLOAD}',
       'workflowId', 'license-upload:${UPLOAD}')
   from raw.staging`,
]

/** Keeps the rows that an ingest has stored as COPY text, for `measureRawMs`. */
export async function keepStoredRows(client: pg.Client, path: string): Promise<void> {
  const query = `copy (
    select l.upload_record as record, p.ssn_hash, p.last_four, l.license_type,
      ${licenseColumns.map((name) => `l.${name}`).join(', ')}, p.provider_id, p.ssn_cipher
    from licenses l join provider_ssns p using (provider_id)
    order by l.upload_record) to stdout`
  await pipeline(client.query(copyTo(query)), createWriteStream(path))
}

/**
 * The raw limit in milliseconds: COPY of the kept rows into an unlogged staging table and INSERT …
 * SELECT into as many tables as the ingest writes, one connection, one transaction.
 */
export async function measureRawMs(client: pg.Client, path: string): Promise<number> {
  await client.query(SCHEMA)
  const spentMs = await timeMs(async () => {
    await client.query('begin')
    const copy = client.query(copyFrom(`copy raw.staging (${columns}) from stdin`))
    await pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), copy)
    for (const insert of INSERTS) await client.query(insert)
    await client.query('commit')
  })
  await client.query('drop schema raw cascade')
  return spentMs
}
