import type { DeliveryState, DisabledReason } from '../../core/webhook/endpoint.ts'
import type { Queryable, Transaction } from '../client.ts'

/** A subscription as its owner knows it. */
export type Subscription = {
  readonly id: string
  readonly url: string
  /** As they were given. */
  readonly events: readonly string[]
  readonly attributes: readonly string[] | null
  readonly state: 'active' | 'disabled'
  readonly disabledReason: DisabledReason | null
  readonly failingSince: Date | null
  readonly version: number
  readonly createdAt: Date
}

export type NewSubscription = {
  readonly id: string
  readonly owner: string
  readonly url: string
  readonly events: readonly string[]
  readonly attributes: readonly string[] | undefined
  readonly scopes: readonly string[]
  readonly tenant: string | undefined
  readonly secretsCipher: Uint8Array
}

/** Whose it must be: another's is as if it were not there. */
export type SubscriptionKey = { readonly id: string; readonly owner: string }

/** What was sent, or is to be, as the owner sees it. */
export type Delivery = {
  readonly id: string
  readonly endpointId: string
  readonly position: number
  readonly type: string
  readonly serial: number | null
  readonly state: DeliveryState
  readonly attempts: number
  readonly errorCode: string | null
  readonly createdAt: Date
  readonly nextAttemptAt: Date
  readonly settledAt: Date | null
}

const SUBSCRIPTION = `id, url, events, attributes, state, disabled_reason as "disabledReason",
  failing_since as "failingSince", version::integer as version, created_at as "createdAt"`

const DELIVERY = `d.id, d.endpoint_id as "endpointId", d.position, d.type, d.serial, d.state,
  d.attempts, d.error_code as "errorCode", d.created_at as "createdAt",
  d.next_attempt_at as "nextAttemptAt", d.settled_at as "settledAt"`

/** Adds a subscription; undefined when its owner has so many already. */
export async function insertSubscription(
  tx: Transaction,
  subscription: NewSubscription,
  { maxPerOwner }: { readonly maxPerOwner: number },
): Promise<Subscription | undefined> {
  const { owner } = subscription
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1::text, 0))', [
    `webhook-owner:${owner}`,
  ])
  const { rows } = await tx.query<Subscription>(
    `insert into webhook_endpoints
       (id, kind, owner, url, events, attributes, scopes, tenant, secrets_cipher)
     select $1::uuid, 'subscription', $2::text, $3::text, $4::text[], $5::text[], $6::text[],
       $7::text, $8::bytea
      where (select count(*) from webhook_endpoints where owner = $2::text) < $9::integer
     returning ${SUBSCRIPTION}`,
    [
      subscription.id,
      owner,
      subscription.url,
      subscription.events,
      subscription.attributes ?? null,
      subscription.scopes,
      subscription.tenant ?? null,
      subscription.secretsCipher,
      maxPerOwner,
    ],
  )
  return rows[0]
}

/** A page of an owner's subscriptions, oldest first. */
export async function listSubscriptions(
  db: Queryable,
  page: {
    readonly owner: string
    readonly after: { readonly createdAt: string; readonly id: string } | undefined
    readonly limit: number
  },
): Promise<Subscription[]> {
  const { rows } = await db.query<Subscription>(
    `select ${SUBSCRIPTION}
       from webhook_endpoints
      where owner = $1::text
        and ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
      order by created_at, id
      limit $4::integer`,
    [page.owner, page.after?.createdAt ?? null, page.after?.id ?? null, page.limit],
  )
  return rows
}

/** The owner's subscription with this id, if there is one. */
export async function findSubscription(
  db: Queryable,
  { id, owner }: SubscriptionKey,
): Promise<Subscription | undefined> {
  const { rows } = await db.query<Subscription>(
    `select ${SUBSCRIPTION} from webhook_endpoints where id = $1::uuid and owner = $2::text`,
    [id, owner],
  )
  return rows[0]
}

/** Ends a subscription, with its queue; false where there is none. */
export async function deleteSubscription(
  tx: Queryable,
  { id, owner }: SubscriptionKey,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'delete from webhook_endpoints where id = $1::uuid and owner = $2::text',
    [id, owner],
  )
  return rowCount === 1
}

/** The secrets of a subscription, nobody else's to change until the transaction ends. */
export async function lockSecrets(
  tx: Transaction,
  { id, owner }: SubscriptionKey,
): Promise<Buffer | undefined> {
  const { rows } = await tx.query<{ cipher: Buffer }>(
    `select secrets_cipher as cipher from webhook_endpoints
      where id = $1::uuid and owner = $2::text
        for no key update`,
    [id, owner],
  )
  return rows[0]?.cipher
}

/** Exchanges the secrets of a locked subscription. */
export async function saveSecrets(
  tx: Queryable,
  id: string,
  secretsCipher: Uint8Array,
): Promise<void> {
  await tx.query(
    `update webhook_endpoints set secrets_cipher = $2::bytea, version = version + 1
      where id = $1::uuid`,
    [id, secretsCipher],
  )
}

/** Lets a disabled subscription hear of events again, from now on; undefined where there is none. */
export async function enableSubscription(
  tx: Queryable,
  { id, owner }: SubscriptionKey,
): Promise<Subscription | undefined> {
  const { rows } = await tx.query<Subscription>(
    `update webhook_endpoints
        set state = 'active', disabled_reason = null, failing_since = null,
            version = version + (state <> 'active')::integer
      where id = $1::uuid and owner = $2::text
     returning ${SUBSCRIPTION}`,
    [id, owner],
  )
  return rows[0]
}

/** A page of a subscription's deliveries, newest first. */
export async function listDeliveries(
  db: Queryable,
  page: {
    readonly endpointId: string
    readonly state: DeliveryState | undefined
    readonly before: number | undefined
    readonly limit: number
  },
): Promise<Delivery[]> {
  const { rows } = await db.query<Delivery>(
    `select ${DELIVERY}
       from webhook_deliveries d
      where d.endpoint_id = $1::uuid
        and ($2::text is null or d.state = $2::text)
        and ($3::bigint is null or d.position < $3::bigint)
      order by d.position desc
      limit $4::integer`,
    [page.endpointId, page.state ?? null, page.before ?? null, page.limit],
  )
  return rows
}

/** A delivery of one of the owner's subscriptions. */
export async function findDelivery(
  db: Queryable,
  { id, owner }: SubscriptionKey,
): Promise<Delivery | undefined> {
  const { rows } = await db.query<Delivery>(
    `select ${DELIVERY}
       from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
      where d.id = $1::uuid and e.owner = $2::text`,
    [id, owner],
  )
  return rows[0]
}

/**
 * Sends a settled delivery once more, from its first attempt on; undefined when it waits already,
 * or something newer of the same person has gone or will go there.
 */
export async function replayDelivery(tx: Queryable, id: string): Promise<Delivery | undefined> {
  const { rows } = await tx.query<Delivery>(
    `update webhook_deliveries d
        set state = 'pending', attempts = 0, error_code = null, settled_at = null,
            next_attempt_at = clock_timestamp()
      where d.id = $1::uuid and d.state in ('succeeded', 'failed')
        and (d.profile_id is null or not exists (
          select 1 from webhook_deliveries o
           where o.endpoint_id = d.endpoint_id and o.profile_id = d.profile_id
             and o.position > d.position and o.state in ('pending', 'succeeded')))
     returning ${DELIVERY}`,
    [id],
  )
  return rows[0]
}
