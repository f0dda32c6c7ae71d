import { randomUUID } from 'node:crypto'
import type { DisabledReason, EndpointKind } from '../../core/webhook/endpoint.ts'
import { profileEventTypes, toEventPattern } from '../../core/webhook/events.ts'
import { createEndpointWake } from '../../core/webhook/workflow.ts'
import type { WorkflowStart } from '../../core/workflow-start.ts'
import type { Queryable, Transaction } from '../client.ts'
import { enqueueStart } from '../workflow-starts.ts'

/** An endpoint as its sender needs it. */
export type Endpoint = {
  readonly id: string
  readonly kind: EndpointKind
  /** Of a sink. */
  readonly name: string | null
  /** Of a subscription. */
  readonly url: string | null
  readonly secretsCipher: Buffer | null
  readonly state: 'active' | 'disabled'
}

/** A subscription as events are matched with it. */
export type Subscriber = {
  readonly id: string
  /** Patterns in their long form. */
  readonly events: readonly string[]
  readonly attributes: readonly string[] | null
  readonly scopes: readonly string[]
  readonly tenant: string | null
  readonly createdAt: Date
}

/** A row of the outbox that can be handed over after the commit. */
export type QueuedWake = { readonly id: number; readonly start: WorkflowStart }

// In both forms, as they were given.
const PERSON_PATTERNS = ['create', 'update', 'delete', 'profile.*', ...profileEventTypes]

/** What an endpoint's secrets are bound to. */
export function secretsContext(endpointId: string): string {
  return `webhook-secrets:${endpointId}`
}

/** The endpoints that sinks of these names have already. */
export async function listSinkEndpoints(
  db: Queryable,
  names: readonly string[],
): Promise<(Pick<Endpoint, 'id' | 'name' | 'state'> & { readonly addressHash: Buffer | null })[]> {
  const { rows } = await db.query<
    Pick<Endpoint, 'id' | 'name' | 'state'> & { readonly addressHash: Buffer | null }
  >(
    `select id, name, state, address_hash as "addressHash"
       from webhook_endpoints
      where name = any ($1::text[])`,
    [names],
  )
  return rows
}

/** Writes the endpoint of a sink, which begins anew at its address. */
export async function saveSinkEndpoint(
  tx: Queryable,
  sink: { readonly name: string; readonly addressHash: Uint8Array },
): Promise<Pick<Endpoint, 'id' | 'state'>> {
  const { rows } = await tx.query<Pick<Endpoint, 'id' | 'state'>>(
    `insert into webhook_endpoints (id, kind, name, address_hash)
     values ($1::uuid, 'sink', $2::text, $3::bytea)
     on conflict (name) do update
        set address_hash = excluded.address_hash, state = 'active', disabled_reason = null,
            failing_since = null
     returning id, state`,
    [randomUUID(), sink.name, sink.addressHash],
  )
  return single(rows)
}

/** The endpoint that stands for mail. */
export async function ensureMailEndpoint(tx: Queryable): Promise<Pick<Endpoint, 'id' | 'state'>> {
  const { rows } = await tx.query<Pick<Endpoint, 'id' | 'state'>>(
    `with made as (
       insert into webhook_endpoints (id, kind) values ($1::uuid, 'mail')
       on conflict (kind) where kind = 'mail' do nothing
       returning id, state
     )
     select id, state from made
     union all
     select id, state from webhook_endpoints where kind = 'mail'`,
    [randomUUID()],
  )
  return single(rows)
}

/** Every active subscription. */
export async function listSubscribers(db: Queryable): Promise<Subscriber[]> {
  const { rows } = await db.query<Subscriber>(
    `select id, events, attributes, scopes, tenant, created_at as "createdAt"
       from webhook_endpoints
      where kind = 'subscription' and state = 'active'
      order by id`,
  )
  return rows.map((row) => ({ ...row, events: row.events.map(toEventPattern) }))
}

/** True when there is an active subscription to events of persons. */
export async function hasSubscribers(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ has: boolean }>({
    name: 'has-subscribers',
    text: `select exists (
             select 1 from webhook_endpoints
              where kind = 'subscription' and state = 'active' and events && $1::text[]) as has`,
    values: [PERSON_PATTERNS],
  })
  return rows[0]?.has === true
}

/** The endpoint, whose sender now looks at its queue; undefined for one that is gone. */
export async function beginDrain(db: Queryable, id: string): Promise<Endpoint | undefined> {
  const { rows } = await db.query<Endpoint>(
    `update webhook_endpoints set awake = false where id = $1::uuid
     returning id, kind, name, url, secrets_cipher as "secretsCipher", state`,
    [id],
  )
  return rows[0]
}

/**
 * Queues, in the transaction of what they are to send, a call for the senders of these endpoints;
 * those that have one to come already need no other.
 */
export async function wakeEndpoints(
  tx: Transaction,
  ids: readonly string[],
  requestId: string,
): Promise<QueuedWake[]> {
  if (ids.length === 0) return []
  // Locked whether awake or not: a sender that begins now waits, and sees what is committed here.
  const { rows } = await tx.query<{ id: string }>(
    `with known as (
       select id, awake from webhook_endpoints where id = any ($1::uuid[])
        order by id
          for no key update
     )
     update webhook_endpoints e set awake = true from known
      where e.id = known.id and not known.awake
     returning e.id`,
    [ids],
  )
  const queued: QueuedWake[] = []
  for (const { id } of rows) queued.push(await queueWake(tx, id, requestId))
  return queued
}

/** Active endpoints whose queue has been due for a while though nobody looked: their call was lost. */
export async function listOverdueEndpoints(
  db: Queryable,
  options: { readonly dueBefore: Date; readonly limit: number },
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select e.id
       from webhook_endpoints e
      where e.state = 'active'
        and not exists (select 1 from paused_sinks s where s.sink = e.name)
        and exists (
          select 1 from webhook_deliveries d
           where d.endpoint_id = e.id and d.state = 'pending'
             and greatest(d.next_attempt_at, d.claimed_until) < $1::timestamptz)
      limit $2::integer`,
    [options.dueBefore, options.limit],
  )
  return rows.map(({ id }) => id)
}

/** Queues a call for one sender, whatever it was told before. */
export async function queueWake(
  tx: Transaction,
  endpointId: string,
  requestId: string,
): Promise<QueuedWake> {
  const start = createEndpointWake(endpointId, requestId)
  return { id: await enqueueStart(tx, start), start }
}

/** Stops an endpoint; false when it is disabled already. */
export async function disableEndpoint(
  tx: Queryable,
  id: string,
  reason: DisabledReason,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update webhook_endpoints
        set state = 'disabled', disabled_reason = $2::text, version = version + 1
      where id = $1::uuid and state = 'active'`,
    [id, reason],
  )
  return rowCount === 1
}

/** Notes a failure; answers when failures began. */
export async function noteFailing(tx: Queryable, id: string): Promise<Date | undefined> {
  const { rows } = await tx.query<{ since: Date }>(
    `update webhook_endpoints set failing_since = coalesce(failing_since, clock_timestamp())
      where id = $1::uuid
     returning failing_since as since`,
    [id],
  )
  return rows[0]?.since
}

/** Notes a success; answers when failures had begun, if they had. */
export async function noteWorking(tx: Queryable, id: string): Promise<Date | undefined> {
  const { rows } = await tx.query<{ since: Date }>(
    `with failing as (
       select id, failing_since from webhook_endpoints
        where id = $1::uuid and failing_since is not null
          for no key update
     )
     update webhook_endpoints e set failing_since = null from failing
      where e.id = failing.id
     returning failing.failing_since as since`,
    [id],
  )
  return rows[0]?.since
}

function single<T>(rows: readonly T[]): T {
  const [row] = rows
  if (row === undefined) throw new Error('Cannot find the endpoint that was just written')
  return row
}
