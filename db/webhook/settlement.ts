import type { Queryable } from '../client.ts'
import type { ClaimedDelivery } from './queue.ts'

/** What became of a change at a sink of kind webhook. */
export type SinkBooking = {
  readonly sink: string
  readonly profileId: string
  readonly serial: number
  readonly state: 'pending' | 'succeeded' | 'failed' | 'superseded'
  readonly attempts: number
  readonly code?: string | undefined
}

/** A delivery that nobody tries any more. */
export type DeadDelivery = {
  readonly id: string
  readonly profileId: string | null
  readonly serial: number | null
  readonly attempts: number
  readonly code: string
}

type Claim = Pick<ClaimedDelivery, 'id' | 'claimedUntil'>

/** Ends a delivery that arrived; false when the claim had run out and somebody else has it. */
export async function settleSucceeded(tx: Queryable, claim: Claim): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update webhook_deliveries
        set state = 'succeeded', error_code = null, claimed_until = null,
            settled_at = clock_timestamp()
      where id = $1::uuid and claimed_until = $2::timestamptz and state = 'pending'`,
    [claim.id, claim.claimedUntil],
  )
  return rowCount === 1
}

/** Leaves a delivery for another attempt; false when the claim had run out. */
export async function postponeDelivery(
  tx: Queryable,
  claim: Claim,
  { code, delaySeconds }: { readonly code: string; readonly delaySeconds: number },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update webhook_deliveries
        set error_code = $3::text, claimed_until = null,
            next_attempt_at = clock_timestamp() + make_interval(secs => $4::float8)
      where id = $1::uuid and claimed_until = $2::timestamptz and state = 'pending'`,
    [claim.id, claim.claimedUntil, code, delaySeconds],
  )
  return rowCount === 1
}

/** Gives a delivery back as if it had not been tried. */
export async function releaseDelivery(tx: Queryable, claim: Claim): Promise<void> {
  await tx.query(
    `update webhook_deliveries set claimed_until = null, attempts = attempts - 1
      where id = $1::uuid and claimed_until = $2::timestamptz and state = 'pending'`,
    [claim.id, claim.claimedUntil],
  )
}

/** Ends a delivery for good; undefined when the claim had run out. */
export async function settleFailed(
  tx: Queryable,
  claim: Claim,
  code: string,
): Promise<DeadDelivery | undefined> {
  const { rows } = await tx.query<DeadDelivery>(
    `update webhook_deliveries
        set state = 'failed', error_code = $3::text, claimed_until = null,
            settled_at = clock_timestamp()
      where id = $1::uuid and claimed_until = $2::timestamptz and state = 'pending'
     returning ${DEAD}`,
    [claim.id, claim.claimedUntil, code],
  )
  return rows[0]
}

/** Ends all that waits for an endpoint that is disabled; what is under way ends by itself. */
export async function failWaiting(
  tx: Queryable,
  endpointId: string,
  code: string,
): Promise<DeadDelivery[]> {
  const { rows } = await tx.query<DeadDelivery>(
    `update webhook_deliveries
        set state = 'failed', error_code = $2::text, claimed_until = null,
            settled_at = clock_timestamp()
      where endpoint_id = $1::uuid and state = 'pending'
        and (claimed_until is null or claimed_until <= clock_timestamp())
     returning ${DEAD}`,
    [endpointId, code],
  )
  return rows
}

/** Brings forward what waits for its next attempt: the endpoint answers again. */
export async function bringForward(tx: Queryable, endpointId: string): Promise<void> {
  await tx.query(
    `update webhook_deliveries set next_attempt_at = clock_timestamp()
      where endpoint_id = $1::uuid and state = 'pending' and next_attempt_at > clock_timestamp()`,
    [endpointId],
  )
}

const DEAD = `id, profile_id as "profileId", serial, attempts, error_code as code`

/** Keeps dead deliveries of a sink where its operators look for them. */
export async function insertDeadLetters(
  tx: Queryable,
  sink: string,
  dead: readonly DeadDelivery[],
): Promise<void> {
  await tx.query(
    `insert into dead_letters (sink, profile_id, serial, code, attempts, delivery_id)
     select $1::text, profile_id, serial, code, attempts, delivery_id
     from unnest($2::uuid[], $3::bigint[], $4::text[], $5::integer[], $6::uuid[])
       as dead (profile_id, serial, code, attempts, delivery_id)
     on conflict (delivery_id) do update
        set code = excluded.code, attempts = excluded.attempts, at = clock_timestamp()`,
    [
      sink,
      dead.map(({ profileId }) => profileId),
      dead.map(({ serial }) => serial),
      dead.map(({ code }) => code),
      dead.map(({ attempts }) => attempts),
      dead.map(({ id }) => id),
    ],
  )
}

/** Books what became of changes at sinks; what is settled already stays as it is. */
export async function bookChanges(tx: Queryable, bookings: readonly SinkBooking[]): Promise<void> {
  if (bookings.length === 0) return
  await tx.query(
    `insert into change_deliveries as d (serial, sink, profile_id, state, attempts, error_code)
     select serial, sink, profile_id, state, attempts, code
     from unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::integer[], $6::text[])
       as booked (serial, sink, profile_id, state, attempts, code)
     on conflict (serial, sink) do update
        set state = excluded.state, attempts = greatest(d.attempts, excluded.attempts),
            error_code = excluded.error_code, updated_at = clock_timestamp()
      where d.state = 'pending'`,
    [
      bookings.map(({ serial }) => serial),
      bookings.map(({ sink }) => sink),
      bookings.map(({ profileId }) => profileId),
      bookings.map(({ state }) => state),
      bookings.map(({ attempts }) => attempts),
      bookings.map(({ code }) => code ?? null),
    ],
  )
}

/** Notes that a sink knows of a person up to a serial. */
export async function noteTold(
  tx: Queryable,
  told: Pick<SinkBooking, 'sink' | 'profileId' | 'serial'>,
): Promise<void> {
  await tx.query(
    `insert into sink_deliveries as f (profile_id, sink, serial)
     values ($1::uuid, $2::text, $3::bigint)
     on conflict (profile_id, sink) do update
        set serial = greatest(f.serial, excluded.serial), delivered_at = clock_timestamp()`,
    [told.profileId, told.sink, told.serial],
  )
}
