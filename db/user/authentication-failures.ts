import type { Queryable } from '../client.ts'

/** Who tried to log in, and from where, as keyed hashes. */
export type Attempt = {
  readonly loginHash: Buffer
  readonly addressHash: Buffer | undefined
}

export type LockoutRule = { readonly limit: number; readonly windowSeconds: number }

export type LockoutRules = { readonly login: LockoutRule; readonly address: LockoutRule }

/** For how many seconds nobody may try as this login, or from this address; undefined when they may. */
export async function findLockout(
  db: Queryable,
  { loginHash, addressHash }: Attempt,
  { login, address }: LockoutRules,
): Promise<number | undefined> {
  const { rows } = await db.query<{ seconds: number | null }>(
    `select greatest(
       (select extract(epoch from at - clock_timestamp()) + $3::integer
        from authentication_failures
        where login_hash = $1::bytea and at > clock_timestamp() - make_interval(secs => $3::integer)
        order by at desc offset $4::integer - 1 limit 1),
       (select extract(epoch from at - clock_timestamp()) + $5::integer
        from authentication_failures
        where address_hash = $2::bytea and at > clock_timestamp() - make_interval(secs => $5::integer)
        order by at desc offset $6::integer - 1 limit 1)
     )::float8 as seconds`,
    [
      loginHash,
      addressHash ?? null,
      login.windowSeconds,
      login.limit,
      address.windowSeconds,
      address.limit,
    ],
  )
  return rows[0]?.seconds ?? undefined
}

/** Lets attempts as one login, or from one address, follow each other until the transaction ends. */
export async function lockAttempt(
  tx: Queryable,
  { loginHash, addressHash }: Attempt,
): Promise<void> {
  const hashes = [loginHash, ...(addressHash ? [addressHash] : [])].map((hash) =>
    hash.readBigInt64BE().toString(),
  )
  // In one order everywhere: nobody waits for who waits for them.
  for (const hash of hashes.toSorted()) {
    await tx.query('select pg_advisory_xact_lock($1::bigint)', [hash])
  }
}

/** Writes down a failed attempt, which the rules of the lock-out count. */
export async function recordFailure(
  tx: Queryable,
  { loginHash, addressHash }: Attempt,
): Promise<void> {
  await tx.query(
    `insert into authentication_failures (login_hash, address_hash)
     values ($1::bytea, $2::bytea)`,
    [loginHash, addressHash ?? null],
  )
}

/** Forgets failures that no rule counts any more. */
export async function deleteOldFailures(db: Queryable, before: Date): Promise<void> {
  await db.query('delete from authentication_failures where at < $1::timestamptz', [before])
}
