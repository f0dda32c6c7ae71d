import type { Database } from '../../../db/client.ts'

/** Everything that an ingest leaves behind, people by SSN hash, without random ids, times and causes. */
export async function readFinalTables(db: Database): Promise<Record<string, unknown[]>> {
  return {
    ssns: await list(db, 'select compact, ssn_hash, last_four from provider_ssns', 'ssn_hash'),
    licenses: await list(
      db,
      `select p.ssn_hash, to_jsonb(l) - '{provider_id,upload_id,created_at,updated_at}'::text[] as license
       from licenses l join provider_ssns p using (provider_id)`,
      'ssn_hash, license',
    ),
    providers: await list(
      db,
      `select p.ssn_hash, to_jsonb(v) - '{provider_id,created_at,updated_at}'::text[] as provider
       from providers v join provider_ssns p using (provider_id)`,
      'ssn_hash',
    ),
    history: await list(
      db,
      `select p.ssn_hash,
         to_jsonb(h) - '{id,provider_id,upload_id,previous_upload_id,effective_date}'::text[] as change
       from license_history h join provider_ssns p using (provider_id)`,
      'ssn_hash, change',
    ),
    audit: await list(
      db,
      `select p.ssn_hash, a.action, a.before_hash, a.after_hash, a.cause -> 'record' as record,
         split_part(a.subject_id, '/', 2) as jurisdiction, split_part(a.subject_id, '/', 3) as type
       from audit_entries a
       join provider_ssns p on p.provider_id::text = split_part(a.subject_id, '/', 1)
       where a.subject_type = 'license'`,
      'ssn_hash, jurisdiction, type, action, record',
    ),
    events: await list(
      db,
      `select e.type, e.data - '{providerId,uploadId}'::text[] as data, p.ssn_hash
       from events e
       join provider_ssns p on p.provider_id::text = e.data ->> 'providerId'`,
      'ssn_hash, type, data',
    ),
  }
}

/** Empties all tables that an ingest writes, and the uploads themselves. */
export async function emptyTables(db: Database): Promise<void> {
  await db.query(
    `truncate uploads, upload_chunks, upload_faults, upload_digests, upload_payloads,
       upload_sequences, provider_ssns, licenses, providers, license_history, privileges,
       audit_entries, events, staging.chunks, staging.ready, staging.duplicates`,
  )
}

async function list(db: Database, query: string, order: string): Promise<unknown[]> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select to_jsonb(found) as row from (${query}) found order by ${order}`,
  )
  return rows.map((found) => found['row'])
}
