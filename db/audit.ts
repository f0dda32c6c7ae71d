import type { Queryable } from './client.ts'

/** Who or what brought an effect about: ids only, never personal data. */
export type AuditCause = Readonly<Record<string, string | number>>

/** One effect to be recorded; `before` and `after` are hashes of the subject's state. */
export type AuditEntry = {
  readonly actor: string
  readonly action: string
  readonly subject: { readonly type: string; readonly id: string }
  readonly before?: Uint8Array | undefined
  readonly after?: Uint8Array | undefined
  readonly cause: AuditCause
}

/** Appends entries in the caller's transaction, in order; they are sealed within seconds of its commit. */
export async function appendAudit(db: Queryable, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return
  await db.query({
    name: 'append-audit',
    text: `insert into audit_entries
             (actor, action, subject_type, subject_id, before_hash, after_hash, cause)
           select actor, action, subject_type, subject_id, before_hash, after_hash, cause::jsonb
           from unnest(
             $1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[]
           ) with ordinality as entry
             (actor, action, subject_type, subject_id, before_hash, after_hash, cause, position)
           order by position`,
    values: [
      entries.map((entry) => entry.actor),
      entries.map((entry) => entry.action),
      entries.map((entry) => entry.subject.type),
      entries.map((entry) => entry.subject.id),
      entries.map((entry) => entry.before ?? null),
      entries.map((entry) => entry.after ?? null),
      entries.map((entry) => JSON.stringify(entry.cause)),
    ],
  })
}
