import type { RosterCollection, RosterFault } from '../../core/roster/record.ts'
import type { Queryable, Transaction } from '../client.ts'
import { copyParts } from '../copy-text.ts'
import type { StagedRow } from './copy-text.ts'

export type StagingTable = (typeof TABLES)[number]

const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const COLUMNS = {
  records: 'sequence, digest, collection, id, is_removed, record',
  users: 'sequence, digest, id, is_removed, record, person, user_name, is_wanted',
  enrollments: 'sequence, digest, id, user_id, section_id, role, begin_date, end_date, is_removed',
} as const
const FILLED = ['records', 'users', 'enrollments'] as const
const TABLES = [...FILLED, 'seen', 'blocks'] as const

/** A run's own staging table; the id is checked, because a table's name cannot be a parameter. */
export function nameRosterStaging(runId: string, table: StagingTable): string {
  if (!RUN_ID.test(runId)) throw new TypeError('Cannot name a staging table: id is not a UUID')
  return `staging.roster_${runId.replaceAll('-', '')}_${table}`
}

/**
 * Makes a run's staging tables when they are absent. They are logged: a crash of the server costs
 * the page under way, and nothing that is noted as read.
 */
export async function createRosterStaging(tx: Queryable, runId: string): Promise<void> {
  await tx.query(
    `create table if not exists ${nameRosterStaging(runId, 'records')} (
       sequence bigint not null,
       digest uuid,
       collection text not null,
       id text not null,
       is_removed boolean not null,
       record jsonb
     )`,
  )
  await tx.query(
    `create table if not exists ${nameRosterStaging(runId, 'users')} (
       sequence bigint not null,
       digest uuid,
       id text not null,
       is_removed boolean not null,
       record jsonb,
       person jsonb,
       user_name text,
       is_wanted boolean not null
     )`,
  )
  // Without an id: the enrollments of the section that came before are void.
  await tx.query(
    `create table if not exists ${nameRosterStaging(runId, 'enrollments')} (
       sequence bigint not null,
       digest uuid,
       id text,
       user_id text,
       section_id text,
       role text,
       begin_date date,
       end_date date,
       is_removed boolean not null
     )`,
  )
  // Of records that are as they are known, page by page; only a full pull has them.
  await tx.query(
    `create table if not exists ${nameRosterStaging(runId, 'seen')} (
       collection text not null,
       sequence bigint not null,
       ids text[] not null
     )`,
  )
  // How many there are in a row is all that is to be known of them.
  await tx.query(
    `alter table ${nameRosterStaging(runId, 'seen')} alter column ids set statistics 1`,
  )
  // What a full pull has read, in blocks; of those that are known, only the digest.
  await tx.query(
    `create table if not exists ${nameRosterStaging(runId, 'blocks')} (
       digest uuid not null,
       collection text,
       ids text[]
     )`,
  )
}

/** Copies the rows of a page. */
export async function copyStaged(
  tx: Transaction,
  runId: string,
  rows: readonly StagedRow[],
): Promise<void> {
  for (const table of FILLED) {
    const own = rows.filter(({ collection }) => tableOf(collection) === table)
    if (own.length === 0) continue
    const statement = `copy ${nameRosterStaging(runId, table)} (${COLUMNS[table]}) from stdin`
    await copyParts(tx, statement, inBlocks(own))
  }
}

/** Notes records of which nothing can be taken; one that was noted before stays. */
export async function insertRosterErrors(
  tx: Queryable,
  runId: string,
  errors: readonly (Omit<RosterFault, 'entity'> & {
    readonly entity: string
    readonly attempts?: number
  })[],
): Promise<void> {
  if (errors.length === 0) return
  await tx.query(
    `insert into roster_errors (run_id, entity, id, code, message, attempts)
     select $1::uuid, e.entity, e.id, e.code, e.message, coalesce(e.attempts, 1)
     from jsonb_to_recordset($2::jsonb) as e (entity text, id text, code text, message text,
       attempts integer)
     on conflict (run_id, entity, id, code) do nothing`,
    [runId, JSON.stringify(errors)],
  )
}

/** Forgets what is staged for a run. */
export async function dropRosterStaging(tx: Queryable, runId: string): Promise<void> {
  for (const table of TABLES) {
    await tx.query(`drop table if exists ${nameRosterStaging(runId, table)}`)
  }
}

/**
 * Leaves of what is staged what holds: the last word on each record, and no enrollment from before
 * its section's were declared void. Done again, it changes nothing.
 */
export async function settleStaged(tx: Queryable, runId: string): Promise<void> {
  const [records, users, enrollments] = FILLED.map((table) => nameRosterStaging(runId, table))
  // Not of what JSON holds: that takes its time, and tells the planner nothing.
  await tx.query(
    `analyze ${records} (collection, id), ${users} (id),
       ${enrollments} (id, section_id, user_id),
       ${nameRosterStaging(runId, 'seen')} (collection, ids)`,
  )
  await tx.query(
    `delete from ${records} s using (
       select collection, id, max(sequence) as last from ${records}
       group by collection, id having count(*) > 1
     ) d
     where s.collection = d.collection and s.id = d.id and s.sequence < d.last`,
  )
  await tx.query(
    `delete from ${users} s using (
       select id, max(sequence) as last from ${users} group by id having count(*) > 1
     ) d
     where s.id = d.id and s.sequence < d.last`,
  )
  await tx.query(
    `delete from ${enrollments} s using (
       select section_id, max(sequence) as last from ${enrollments} where id is null
       group by section_id
     ) d
     where s.section_id = d.section_id and s.sequence < d.last`,
  )
  await tx.query(
    `delete from ${enrollments} s using (
       select id, max(sequence) as last from ${enrollments} where id is not null
       group by id having count(*) > 1
     ) d
     where s.id = d.id and s.sequence < d.last`,
  )
  await dropOutdated(tx, runId)
}

// Of one page that says what is new of a record, and one that says it is as it is known, the later holds.
async function dropOutdated(tx: Queryable, runId: string): Promise<void> {
  const seen = nameRosterStaging(runId, 'seen')
  await tx.query(
    `create temporary table plan_repeats (
       collection text not null, id text not null, staged bigint not null, seen bigint not null
     ) on commit drop`,
  )
  const { rowCount } = await tx.query(
    `insert into plan_repeats
     select s.collection, s.id, max(s.sequence) as staged, max(k.sequence) as seen
     from (select collection, sequence, unnest(ids) as id from ${seen}) k
     join (${FILLED.map((table) => listStaged(runId, table)).join(' union all ')}) s
       on s.collection = k.collection and s.id = k.id
     group by s.collection, s.id`,
  )
  if (rowCount === 0) return
  for (const table of FILLED) {
    await tx.query(
      `delete from ${nameRosterStaging(runId, table)} s using plan_repeats r
       where r.collection = ${collectionOf('s', table)} and r.id = s.id and r.staged < r.seen`,
    )
  }
  await tx.query(
    `update ${seen} k set ids = array(
       select i.id from unnest(k.ids) as i (id) where not exists (
         select from plan_repeats r
         where r.collection = k.collection and r.id = i.id and r.staged >= r.seen))
     where k.collection in (select collection from plan_repeats where staged >= seen)`,
  )
}

function listStaged(runId: string, table: (typeof FILLED)[number]): string {
  return `select ${collectionOf('s', table)} as collection, id, sequence
    from ${nameRosterStaging(runId, table)} s where id is not null`
}

function collectionOf(row: string, table: (typeof FILLED)[number]): string {
  return table === 'records' ? `${row}.collection` : `'${table}'`
}

function tableOf(collection: RosterCollection): (typeof FILLED)[number] {
  return collection === 'users' || collection === 'enrollments' ? collection : 'records'
}

// A line at a time would be a write at a time.
function* inBlocks(rows: readonly StagedRow[]): Generator<string> {
  const size = 500
  for (let start = 0; start < rows.length; start += size) {
    yield rows
      .slice(start, start + size)
      .map(({ line }) => line)
      .join('')
  }
}
