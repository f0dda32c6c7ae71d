import type { Lane } from '../../core/profile/lanes.ts'
import type { Queryable, Transaction } from '../client.ts'
import { enqueueStarts } from '../workflow-starts.ts'
import { createPropagationStart } from './propagation.ts'

/** What is known of a sink beside its settings. */
export type SinkStatus = {
  readonly sink: string
  readonly pausedAt: Date | null
  /** Persons of whom the sink lacks the newest state. */
  readonly behind: number
  readonly deadLetters: number
  /** Of a webhook: nothing is sent there any more. */
  readonly isDisabled?: boolean
}

/** One of those persons, and the change that the sink lacks. */
export type PersonBehind = { readonly profileId: string; readonly serial: number }

export type DeadLetter = {
  readonly id: string
  readonly sink: string
  /** Null for an event, which belongs to no change. */
  readonly serial: number | null
  readonly code: string
  readonly attempts: number
  readonly at: Date
}

// A change that failed for good waits for somebody to ask for it, not for a sweep.
const BEHIND = `p.serial > coalesce(f.serial, 0)
  and not exists (
    select 1 from change_deliveries d
     where d.serial = p.serial and d.sink = s.sink and d.state <> 'pending')`

/** The state of these sinks, in their order. */
export async function listSinkStatuses(
  db: Queryable,
  sinks: readonly string[],
): Promise<SinkStatus[]> {
  const { rows } = await db.query<SinkStatus>(
    `select s.sink, paused.paused_at as "pausedAt",
       (select count(*)::integer
          from profiles p
          left join sink_deliveries f on f.profile_id = p.id and f.sink = s.sink
         where ${BEHIND}) as behind,
       (select count(*)::integer from dead_letters l where l.sink = s.sink) as "deadLetters"
     from unnest($1::text[]) with ordinality as s (sink, position)
     left join paused_sinks paused on paused.sink = s.sink
     order by s.position`,
    [sinks],
  )
  return rows
}

/** Holds a sink back; true unless it was held back already. */
export async function pauseSink(tx: Transaction, sink: string, actor: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into paused_sinks (sink, paused_by) values ($1::text, $2::text)
     on conflict (sink) do nothing`,
    [sink, actor],
  )
  return rowCount === 1
}

/** Lets a sink go on; true if it was held back. */
export async function resumeSink(tx: Transaction, sink: string): Promise<boolean> {
  const { rowCount } = await tx.query('delete from paused_sinks where sink = $1::text', [sink])
  return rowCount === 1
}

/** A page of the persons of whom a sink lacks something, by id. */
export async function listPersonsBehind(
  db: Queryable,
  page: { readonly sink: string; readonly after: string | undefined; readonly limit: number },
): Promise<PersonBehind[]> {
  const { rows } = await db.query<PersonBehind>(
    `select p.id as "profileId", p.serial
       from profiles p
       cross join (select $1::text as sink) s
       left join sink_deliveries f on f.profile_id = p.id and f.sink = s.sink
      where ($2::uuid is null or p.id > $2::uuid) and ${BEHIND}
      order by p.id
      limit $3::integer`,
    [page.sink, page.after ?? null, page.limit],
  )
  return rows
}

/** Queues the propagation of many persons in one lane. */
export async function enqueuePersons(
  tx: Queryable,
  persons: readonly PersonBehind[],
  { lane, requestId }: { readonly lane: Lane; readonly requestId: string },
): Promise<void> {
  await enqueueStarts(
    tx,
    persons.map((person) => createPropagationStart({ ...person, lanes: [lane], requestId })),
  )
}

/** A page of dead letters, oldest first; of all sinks unless one is named. */
export async function listDeadLetters(
  db: Queryable,
  page: {
    readonly sink: string | undefined
    readonly after: { readonly at: string; readonly id: string } | undefined
    readonly limit: number
  },
): Promise<DeadLetter[]> {
  const { rows } = await db.query<DeadLetter>(
    `select id, sink, serial, code, attempts, at
       from dead_letters
      where ($1::text is null or sink = $1::text)
        and ($2::timestamptz is null or (at, id) > ($2::timestamptz, $3::uuid))
      order by at, id
      limit $4::integer`,
    [page.sink ?? null, page.after?.at ?? null, page.after?.id ?? null, page.limit],
  )
  return rows
}

/** Which dead letters are to be tried again. */
export type RedriveFilter = { readonly id: string } | { readonly sink: string }

/**
 * Opens dead letters for a new lifetime, with all others that their persons have at that sink, of at
 * most so many persons. Answers whom to propagate where: every person's newest change, in which the
 * dead ones are contained.
 */
export async function redriveDeadLetters(
  tx: Transaction,
  filter: RedriveFilter,
  limit: number,
): Promise<(PersonBehind & { readonly sink: string })[]> {
  const { rows } = await tx.query<PersonBehind & { readonly sink: string }>(
    `with wanted as (
       select sink, profile_id from dead_letters
        where delivery_id is null
          and ($1::uuid is null or id = $1::uuid) and ($2::text is null or sink = $2::text)
        group by sink, profile_id
        order by min(at), profile_id
        limit $3::integer
     ), taken as (
       delete from dead_letters l
        using wanted
        where l.delivery_id is null
          and l.sink = wanted.sink and l.profile_id = wanted.profile_id
       returning l.sink, l.profile_id, l.serial
     ), opened as (
       update change_deliveries d
          set state = 'pending', redriven_at = clock_timestamp(), updated_at = clock_timestamp()
         from taken
        where d.serial = taken.serial and d.sink = taken.sink and d.state = 'failed'
       returning d.serial
     )
     select distinct taken.sink, p.id as "profileId", p.serial
       from taken join profiles p on p.id = taken.profile_id`,
    ['id' in filter ? filter.id : null, 'sink' in filter ? filter.sink : null, limit],
  )
  return rows
}
