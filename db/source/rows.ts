import type { SourceContents, SourceRow } from '../../core/source/source.ts'
import type { Queryable } from '../client.ts'

/** A row as it was read; `record` counts them from 1. */
export type StoredSourceRow = SourceRow & { readonly record: number }

/** Keeps rows that were read, after the `offset` before them. */
export async function insertSourceRows(
  db: Queryable,
  runId: string,
  { rows, offset }: { readonly rows: readonly SourceRow[]; readonly offset: number },
): Promise<void> {
  await db.query(
    `insert into source_rows (run_id, record, key, contents, fault)
     select $1::uuid, $3::integer + r.position, r.value ->> 'key', r.value -> 'contents',
       r.value ->> 'fault'
     from jsonb_array_elements($2::jsonb) with ordinality as r (value, position)`,
    [runId, JSON.stringify(rows), offset],
  )
}

/** The next rows of a run after a record, in order. */
export async function listSourceRows(
  db: Queryable,
  runId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<StoredSourceRow[]> {
  const { rows } = await db.query<{
    record: number
    key: string | null
    contents: SourceContents | null
    fault: string | null
  }>(
    `select record, key, contents, fault from source_rows
     where run_id = $1::uuid and record > $2::integer
     order by record
     limit $3::integer`,
    [runId, after, limit],
  )
  return rows.map(({ record, key, contents, fault }) => ({
    record,
    ...(key !== null && { key }),
    ...(contents !== null && { contents }),
    ...(fault !== null && { fault }),
  }))
}

/** Persons seen by an earlier run, and those of them who are active and whom this run does not have. */
export async function findLeavers(
  db: Queryable,
  run: { readonly id: string; readonly source: string; readonly matchesBy: string },
): Promise<{ readonly known: number; readonly leavers: readonly string[] }> {
  const { rows } = await db.query<{ known: number; leavers: string[] }>(
    `select count(*)::integer as known,
       coalesce(array_agg(p.user_id order by p.user_id)
         filter (where v.active and r.key is null), '{}') as leavers
     from source_people p
     left join profiles v on v.user_id = p.user_id and v.deleted_at is null
     left join lateral (
       select key from source_rows
       where run_id = $1::uuid
         and key = case $3::text when 'user_id' then p.user_id else lower(v.primary_email) end
       limit 1
     ) r on true
     where p.source = $2::text`,
    [run.id, run.source, run.matchesBy],
  )
  return rows[0] ?? { known: 0, leavers: [] }
}
