import type { Queryable } from './client.ts'

/** Which request a key belongs to. */
export type IdempotencyScope = {
  readonly principal: string
  readonly route: string
  readonly key: string
}

/** The request of a scope that runs now, and the lock of its process, where that has one. */
export type IdempotencyClaim = IdempotencyScope & { readonly holder: string | undefined }

export type StoredReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

export type IdempotencyRecord = {
  readonly bodyHash: Buffer
  readonly reply: StoredReply | undefined
}

const KEPT = '24 hours'
// No request runs so long: its process died, and whoever asks again takes over.
const LEASE = '60 seconds'

/**
 * Takes the key for a request that begins now; false while another request has it or had it. The key
 * of a request whose process is seen to have died is free at once.
 */
export async function claimIdempotencyKey(
  db: Queryable,
  claim: IdempotencyClaim,
  bodyHash: Buffer,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'claim-idempotency-key',
    text: `insert into idempotency_keys as known (principal, route, key, body_hash, holder)
           values ($1::text, $2::text, $3::text, $4::bytea, $5::bigint)
           on conflict (principal, route, key) do update
             set body_hash = excluded.body_hash, status = null, headers = null, response = null,
                 holder = excluded.holder, created_at = now()
             where known.created_at < now() - $6::interval
                or (known.status is null and known.body_hash = excluded.body_hash
                    and case when known.created_at < now() - $7::interval then true
                             else pg_try_advisory_xact_lock_shared(known.holder) end)`,
    values: [claim.principal, claim.route, claim.key, bodyHash, claim.holder ?? null, KEPT, LEASE],
  })
  return rowCount === 1
}

/** The request that has the key, and its answer once it has one. */
export async function findIdempotencyRecord(
  db: Queryable,
  scope: IdempotencyScope,
): Promise<IdempotencyRecord | undefined> {
  const { rows } = await db.query<{
    body_hash: Buffer
    status: number | null
    headers: Record<string, string> | null
    response: unknown
  }>(
    `select body_hash, status, headers, response from idempotency_keys
     where principal = $1::text and route = $2::text and key = $3::text`,
    [scope.principal, scope.route, scope.key],
  )
  const row = rows[0]
  if (!row) return undefined
  const { body_hash: bodyHash, status, headers, response } = row
  if (status === null) return { bodyHash, reply: undefined }
  return { bodyHash, reply: { status, headers: headers ?? {}, body: response ?? undefined } }
}

/**
 * Keeps the answer for replays; in the transaction of the request's effect, both or neither last.
 * False when another request has taken the key over: the effect must not last.
 */
export async function settleIdempotencyKey(
  db: Queryable,
  claim: IdempotencyClaim,
  reply: StoredReply,
): Promise<boolean> {
  const response = reply.body === undefined ? null : JSON.stringify(reply.body)
  const { rowCount } = await db.query({
    name: 'settle-idempotency-key',
    text: `update idempotency_keys set status = $5::integer, headers = $6::json, response = $7::json
           where principal = $1::text and route = $2::text and key = $3::text
             and holder is not distinct from $4::bigint`,
    values: [
      claim.principal,
      claim.route,
      claim.key,
      claim.holder ?? null,
      reply.status,
      JSON.stringify(reply.headers),
      response,
    ],
  })
  return rowCount === 1
}

/** Gives a key back whose request failed, so that it can be used again. */
export async function releaseIdempotencyKey(db: Queryable, claim: IdempotencyClaim): Promise<void> {
  await db.query(
    `delete from idempotency_keys
     where principal = $1::text and route = $2::text and key = $3::text
       and holder is not distinct from $4::bigint and status is null`,
    [claim.principal, claim.route, claim.key, claim.holder ?? null],
  )
}

/** Forgets keys that are older than they are kept; returns how many. */
export async function deleteOldIdempotencyKeys(db: Queryable): Promise<number> {
  const { rowCount } = await db.query(
    'delete from idempotency_keys where created_at < now() - $1::interval',
    [KEPT],
  )
  return rowCount ?? 0
}
