import type { Profile, PublisherName } from '../../core/profile/document.ts'
import type { PlannedChange } from '../../core/source/plan.ts'
import type { Queryable } from '../client.ts'

/** What a run does to one person. */
export type SourceItem = PlannedChange & {
  /** From 1, in the order in which they are done. */
  readonly item: number
  /** The row that says so; undefined for a leaver. */
  readonly record?: number | undefined
  /** What the person was found by. */
  readonly key: string
  /** As the vault knows the person; for one who is to be made, as it will. */
  readonly userId: string
}

export type SourceFailure = {
  readonly record: number | null
  readonly key: string | null
  readonly code: string
}

/** A person found by a key. */
export type Match = {
  readonly key: string
  readonly userId: string
  readonly document: Profile
  /** Of somebody who is not active, who said so; null where nobody is known to. */
  readonly inactiveBy: PublisherName | null
}

/** The persons with these keys who are not deleted; of two with one e-mail, both. */
export async function findMatches(
  db: Queryable,
  keys: readonly string[],
  matchesBy: 'user_id' | 'primary_email',
): Promise<Match[]> {
  const key = matchesBy === 'user_id' ? 'p.user_id' : 'lower(p.primary_email)'
  const { rows } = await db.query<Match>(
    `select ${key} as key, p.user_id as "userId", p.document,
       case when not p.active then (
         select c.publisher from profile_changes c
          where c.profile_id = p.id and 'active' = any (c.changed)
          order by c.serial desc
          limit 1) end as "inactiveBy"
       from profiles p
      where ${key} = any ($1::text[]) and p.deleted_at is null`,
    [keys],
  )
  return rows
}

/** Forgets what a run would do, so that it is compared afresh. */
export async function clearItems(tx: Queryable, runId: string): Promise<void> {
  await tx.query('delete from source_items where run_id = $1::uuid', [runId])
  await tx.query('delete from source_failures where run_id = $1::uuid', [runId])
}

/** Writes down what a run would do. */
export async function insertItems(
  tx: Queryable,
  runId: string,
  items: readonly SourceItem[],
): Promise<void> {
  await tx.query(
    `insert into source_items (run_id, item, record, key, user_id, condition, contents)
     select $1::uuid, i.item, i.record, i.key, i."userId", i.condition, i.contents
     from jsonb_to_recordset($2::jsonb) as i (item integer, record integer, key text,
       "userId" text, condition text, contents jsonb)`,
    [runId, JSON.stringify(items)],
  )
}

/** Writes down the rows that a run leaves out, with the reason's code. */
export async function insertFailures(
  tx: Queryable,
  runId: string,
  failures: readonly SourceFailure[],
): Promise<void> {
  await tx.query(
    `insert into source_failures (run_id, record, key, code)
     select $1::uuid, f.record, f.key, f.code
     from jsonb_to_recordset($2::jsonb) as f (record integer, key text, code text)`,
    [runId, JSON.stringify(failures)],
  )
}

/** The next items that are not done, in order. */
export async function listPendingItems(
  db: Queryable,
  runId: string,
  limit: number,
): Promise<SourceItem[]> {
  const { rows } = await db.query<SourceItem>(
    `select item, record, key, user_id as "userId", condition, contents from source_items
     where run_id = $1::uuid and state = 'pending'
     order by item
     limit $2::integer`,
    [runId, limit],
  )
  return rows
}

/** Settles an item, in the transaction that does it; false when somebody else has. */
export async function settleItem(
  tx: Queryable,
  { runId, item }: { readonly runId: string; readonly item: number },
  end: { readonly state: 'done' | 'unchanged' | 'failed'; readonly code?: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update source_items set state = $3::text, code = $4::text, contents = null
     where run_id = $1::uuid and item = $2::integer and state = 'pending'`,
    [runId, item, end.state, end.code ?? null],
  )
  return rowCount === 1
}

/** Forgets what a run that was dropped would have done. */
export async function forgetPendingItems(tx: Queryable, runId: string): Promise<void> {
  await tx.query(
    `update source_items set contents = null where run_id = $1::uuid and contents is not null`,
    [runId],
  )
}

/** The books of a run that has posted: its counts are what was done. */
export async function bookItems(
  tx: Queryable,
  runId: string,
): Promise<{ readonly failed: number; readonly pending: number }> {
  const { rows } = await tx.query<{ failed: number; pending: number }>(
    `with done as (
       select
         count(*) filter (where state = 'done' and condition = 'create') as created,
         count(*) filter (where state = 'done' and condition = 'update') as updated,
         count(*) filter (where state = 'done' and condition = 'deactivate') as deactivated,
         count(*) filter (where state = 'unchanged') as unchanged,
         count(*) filter (where state = 'failed') as failed,
         count(*) filter (where state = 'pending') as pending,
         count(*) filter (where condition <> 'deactivate') as rows
       from source_items where run_id = $1::uuid
     ), faults as (
       select count(*) as count from source_failures where run_id = $1::uuid
     )
     update source_runs r
     set created = done.created, updated = done.updated, deactivated = done.deactivated,
       failed = done.failed + faults.count,
       unchanged = r.read - faults.count - done.rows + done.unchanged
     from done, faults
     where r.id = $1::uuid
     returning r.failed, done.pending::integer as pending`,
    [runId],
  )
  return rows[0] ?? { failed: 0, pending: 0 }
}

/** Why persons were left out, by record; after those that were listed before. */
export async function listFailures(
  db: Queryable,
  runId: string,
  limit: number,
): Promise<SourceFailure[]> {
  const { rows } = await db.query<SourceFailure>(
    `select record, key, code from source_failures where run_id = $1::uuid
     union all
     select record, key, code from source_items where run_id = $1::uuid and state = 'failed'
     order by record nulls last, key
     limit $2::integer`,
    [runId, limit],
  )
  return rows
}

/** What a run would do or did, item by item. */
export async function listItems(
  db: Queryable,
  runId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<SourceItemView[]> {
  const { rows } = await db.query<SourceItemView>(
    `select item, record, key, condition, state, code,
       array(select jsonb_object_keys(contents) order by 1) as changed
     from source_items
     where run_id = $1::uuid and item > $2::integer
     order by item
     limit $3::integer`,
    [runId, after, limit],
  )
  return rows
}

/** An item without what it changes to. */
export type SourceItemView = {
  readonly item: number
  readonly record: number | null
  readonly key: string
  readonly condition: PlannedChange['condition']
  readonly state: 'pending' | 'done' | 'unchanged' | 'failed'
  readonly code: string | null
  /** Names of attributes; empty once it is settled. */
  readonly changed: readonly string[]
}

/** Notes whom an applied run has seen, and forgets who left by it. */
export async function bookPeople(
  tx: Queryable,
  run: { readonly id: string; readonly source: string },
): Promise<void> {
  await tx.query(
    `delete from source_people p using source_items i
     where i.run_id = $1::uuid and i.condition = 'deactivate' and i.state <> 'failed'
       and p.source = $2::text and p.user_id = i.user_id`,
    [run.id, run.source],
  )
  await tx.query(
    `insert into source_people (source, user_id)
     select $2::text, user_id from source_seen where run_id = $1::uuid
     on conflict do nothing`,
    [run.id, run.source],
  )
  await tx.query('delete from source_seen where run_id = $1::uuid', [run.id])
}

/** Keeps whom a run has seen until it is applied. */
export async function insertSeen(
  tx: Queryable,
  runId: string,
  userIds: readonly string[],
): Promise<void> {
  await tx.query(
    `insert into source_seen (run_id, user_id)
     select $1::uuid, unnest($2::text[]) on conflict do nothing`,
    [runId, userIds],
  )
}
