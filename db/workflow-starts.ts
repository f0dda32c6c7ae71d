import type { SearchAttributeName, WorkflowStart } from '../core/workflow-start.ts'
import type { Queryable } from './client.ts'

/** A row of the outbox: a start that Temporal may not have taken yet, and how often that was tried. */
export type QueuedStart = WorkflowStart & { readonly id: number; readonly attempts: number }

export type ClaimOptions = {
  readonly limit: number
  /** How long the claimed rows are nobody else's. */
  readonly leaseSeconds: number
}

// The process that accepted the work hands it over right after its commit; the relay waits this long.
const HAND_OVER_GRACE = '3 seconds'

type StartRow = {
  readonly id: number
  readonly workflow_id: string
  readonly workflow_type: string
  readonly task_queue: string
  readonly input: Readonly<Record<string, unknown>>
  readonly signal_name: string | null
  readonly signal_input: unknown
  readonly summary: string
  readonly request_id: string
  readonly traceparent: string | null
  readonly search_attributes: Readonly<Partial<Record<SearchAttributeName, string>>>
  readonly attempts: number
}

/** Queues a start in the caller's transaction and returns the row's id, for `deleteStart` after a direct hand-over. */
export async function enqueueStart(tx: Queryable, start: WorkflowStart): Promise<number> {
  const { rows } = await tx.query<{ id: number }>(
    `insert into workflow_starts
       (workflow_id, workflow_type, task_queue, input, signal_name, signal_input,
        summary, request_id, traceparent, search_attributes, next_attempt_at)
     values ($1::text, $2::text, $3::text, $4::jsonb, $5::text, $6::jsonb,
        $7::text, $8::text, $9::text, $10::jsonb, now() + $11::interval)
     returning id`,
    [
      start.workflowId,
      start.workflowType,
      start.taskQueue,
      JSON.stringify(start.input),
      start.signal?.name ?? null,
      start.signal === undefined ? null : JSON.stringify(start.signal.input ?? null),
      start.summary,
      start.requestId,
      start.traceparent ?? null,
      JSON.stringify(start.searchAttributes ?? {}),
      HAND_OVER_GRACE,
    ],
  )
  return Number(rows[0]?.id)
}

/** Queues many starts, which no process hands over itself: the relay takes them at once. */
export async function enqueueStarts(
  tx: Queryable,
  starts: readonly WorkflowStart[],
): Promise<void> {
  await tx.query(
    `insert into workflow_starts
       (workflow_id, workflow_type, task_queue, input, signal_name, signal_input,
        summary, request_id, traceparent, search_attributes)
     select "workflowId", "workflowType", "taskQueue", input, signal ->> 'name', signal -> 'input',
       summary, "requestId", traceparent, coalesce("searchAttributes", '{}')
     from jsonb_to_recordset($1::jsonb) as start
       ("workflowId" text, "workflowType" text, "taskQueue" text, input jsonb, signal jsonb,
        summary text, "requestId" text, traceparent text, "searchAttributes" jsonb)`,
    [JSON.stringify(starts)],
  )
}

/** Takes the starts that are due, oldest first, for the time of the lease; safe from many relays at once. */
export async function claimDueStarts(db: Queryable, options: ClaimOptions): Promise<QueuedStart[]> {
  const { rows } = await db.query<StartRow>(
    `update workflow_starts s
     set attempts = s.attempts + 1, next_attempt_at = now() + make_interval(secs => $2::float8)
     from (
       select id from workflow_starts
       where next_attempt_at <= now()
       order by next_attempt_at, id
       limit $1::integer
       for update skip locked
     ) due
     where s.id = due.id
     returning s.id, s.workflow_id, s.workflow_type, s.task_queue, s.input, s.signal_name,
       s.signal_input, s.summary, s.request_id, s.traceparent, s.search_attributes, s.attempts`,
    [options.limit, options.leaseSeconds],
  )
  return rows.map(toQueuedStart).toSorted((a, b) => a.id - b.id)
}

/** Forgets a start that Temporal has taken; one already gone is no error. */
export async function deleteStart(db: Queryable, id: number): Promise<void> {
  await db.query('delete from workflow_starts where id = $1::bigint', [id])
}

/** Forgets starts that Temporal has taken as one. */
export async function deleteStarts(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query('delete from workflow_starts where id = any ($1::bigint[])', [ids])
}

/** Gives claimed starts back, to be tried again after the delay. */
export async function postponeStarts(
  db: Queryable,
  ids: readonly number[],
  delaySeconds: number,
): Promise<void> {
  await db.query(
    `update workflow_starts set next_attempt_at = now() + make_interval(secs => $2::float8)
     where id = any ($1::bigint[])`,
    [ids, delaySeconds],
  )
}

/** How many starts wait, and for how many seconds the oldest has. */
export async function getStartBacklog(
  db: Queryable,
): Promise<{ readonly waiting: number; readonly oldestSeconds: number }> {
  const { rows } = await db.query<{ waiting: number; oldest_seconds: number }>(
    `select count(*) as waiting,
       coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as oldest_seconds
     from workflow_starts`,
  )
  return { waiting: rows[0]?.waiting ?? 0, oldestSeconds: rows[0]?.oldest_seconds ?? 0 }
}

function toQueuedStart(row: StartRow): QueuedStart {
  return {
    id: row.id,
    workflowId: row.workflow_id,
    workflowType: row.workflow_type,
    taskQueue: row.task_queue,
    input: row.input,
    summary: row.summary,
    requestId: row.request_id,
    traceparent: row.traceparent ?? undefined,
    searchAttributes: row.search_attributes,
    attempts: row.attempts,
    ...(row.signal_name === null
      ? {}
      : { signal: { name: row.signal_name, input: row.signal_input } }),
  }
}
