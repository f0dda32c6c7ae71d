import type { Queryable } from '../client.ts'
import { dropStaging } from './staging.ts'

/** Drops what is staged for uploads that ended an hour ago or longer: a run that was terminated left it. */
export async function sweepStaging(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ id: string }>(
    `select u.id
     from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'staging'
     join uploads u on 'license_' || replace(u.id::text, '-', '') = c.relname
     where c.relkind = 'r' and c.relname like 'license\\_%'
       and u.finished_at < now() - interval '1 hour'`,
  )
  for (const { id } of rows) await dropStaging(db, id)
}
