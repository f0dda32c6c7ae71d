import type { AuditLogEntry, AuditRecord, AuditSeal } from '../../core/audit/record.ts'
import type { Queryable } from '../client.ts'

export type ReadOptions = {
  /** Whether entries that no seal covers yet follow the last seal. */
  readonly includeUnsealed: boolean
}

const SEALS_PER_PAGE = 100
const ENTRIES_PER_PAGE = 2_000

const ENTRY_COLUMNS = `seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
  actor, action, subject_type as "subjectType", subject_id as "subjectId",
  encode(before_hash, 'hex') as before, encode(after_hash, 'hex') as after, cause`

/**
 * Streams the log from its beginning in pages: entries by seq, each seal right after the entries it
 * covers. What is sealed does not change, so that no transaction is held while it is read.
 */
export async function* readAuditLog(
  db: Queryable,
  options: ReadOptions,
): AsyncGenerator<AuditRecord, void, undefined> {
  let to = 0
  for await (const seals of readSealPages(db)) {
    const upTo = seals.at(-1)?.to ?? to
    yield* mergeSeals(readEntries(db, { after: to, upTo }), seals)
    to = upTo
  }
  if (options.includeUnsealed) yield* readEntries(db, { after: to, upTo: Number.MAX_SAFE_INTEGER })
}

export type ListOptions = {
  /** Entries with a greater seq. */
  readonly after: number
  /** `id`, `type/id` or `type:id`. */
  readonly subject?: string | undefined
  /** Leaves out what belongs to another tenant. */
  readonly tenant?: string | undefined
  readonly limit: number
}

/** A page of entries by seq, sealed or not. */
export async function listAudit(db: Queryable, options: ListOptions): Promise<AuditLogEntry[]> {
  const { after, subject, tenant, limit } = options
  const { rows } = await db.query<EntryRow>(
    `select ${ENTRY_COLUMNS}
     from audit_entries
     where seq > $1::bigint
       and ($2::text is null or subject_id = any($3::text[]) and $2::text in (
         subject_id, subject_type || '/' || subject_id, subject_type || ':' || subject_id
       ))
       and ($5::text is null or coalesce(cause ->> 'tenant', $5::text) = $5::text)
     order by seq
     limit $4::integer`,
    [after, subject ?? null, listSubjectIds(subject ?? ''), limit, tenant ?? null],
  )
  return rows.map(toEntry)
}

/** A page of the entries that belong to a tenant, by seq, sealed or not. */
export async function listTenantAudit(
  db: Queryable,
  options: { readonly tenant: string; readonly after: number; readonly limit: number },
): Promise<AuditLogEntry[]> {
  const { rows } = await db.query<EntryRow>(
    `select ${ENTRY_COLUMNS}
     from audit_entries
     where cause ->> 'tenant' = $1::text and seq > $2::bigint
     order by seq
     limit $3::integer`,
    [options.tenant, options.after, options.limit],
  )
  return rows.map(toEntry)
}

type SeqRange = { readonly after: number; readonly upTo: number }

async function* readEntries(
  db: Queryable,
  { after, upTo }: SeqRange,
): AsyncGenerator<AuditLogEntry, void, undefined> {
  for (let last = after, isMore = true; isMore;) {
    const page = await listEntries(db, { after: last, upTo })
    yield* page
    last = page.at(-1)?.seq ?? last
    isMore = page.length === ENTRIES_PER_PAGE
  }
}

async function listEntries(db: Queryable, { after, upTo }: SeqRange): Promise<AuditLogEntry[]> {
  const { rows } = await db.query<EntryRow>(
    `select ${ENTRY_COLUMNS}
     from audit_entries
     where seq > $1::bigint and seq <= $2::bigint
     order by seq
     limit $3::integer`,
    [after, upTo, ENTRIES_PER_PAGE],
  )
  return rows.map(toEntry)
}

async function* mergeSeals(
  entries: AsyncGenerator<AuditLogEntry, void, undefined>,
  seals: readonly AuditSeal[],
): AsyncGenerator<AuditRecord, void, undefined> {
  let next = await entries.next()
  for (const seal of seals) {
    for (; !next.done && next.value.seq <= seal.to; next = await entries.next()) yield next.value
    yield seal
  }
}

async function* readSealPages(db: Queryable): AsyncGenerator<AuditSeal[], void, undefined> {
  for (let last = 0, isMore = true; isMore;) {
    const page = await listSeals(db, last)
    if (page.length > 0) yield page.map(({ number: _number, ...seal }) => seal)
    last = page.at(-1)?.number ?? last
    isMore = page.length === SEALS_PER_PAGE
  }
}

type NumberedSeal = AuditSeal & { readonly number: number }

async function listSeals(db: Queryable, afterNumber: number): Promise<NumberedSeal[]> {
  const { rows } = await db.query<NumberedSeal>(
    `select number, 'seal' as kind, from_seq as from, to_seq as to, entries,
       to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
       encode(digest, 'hex') as digest,
       translate(encode(leaves, 'base64'), E'\\n', '') as leaves,
       encode(previous, 'hex') as previous, encode(hash, 'hex') as hash, kid,
       translate(encode(signature, 'base64'), E'\\n', '') as signature
     from audit_seals
     where number > $1::bigint
     order by number
     limit $2::integer`,
    [afterNumber, SEALS_PER_PAGE],
  )
  return rows
}

type EntryRow = {
  readonly seq: number
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subjectType: string
  readonly subjectId: string
  readonly before: string | null
  readonly after: string | null
  readonly cause: Readonly<Record<string, unknown>>
}

function toEntry(row: EntryRow): AuditLogEntry {
  return {
    kind: 'entry',
    seq: row.seq,
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: { type: row.subjectType, id: row.subjectId },
    ...(row.before !== null && { before: row.before }),
    ...(row.after !== null && { after: row.after }),
    cause: row.cause,
  }
}

function listSubjectIds(subject: string): string[] {
  return [subject, subject.slice(subject.indexOf('/') + 1), subject.slice(subject.indexOf(':') + 1)]
}
