import type { ProviderKey } from './providers.ts'
import type { Queryable, Transaction } from './client.ts'

export type SsnRead = {
  readonly principal: string
  readonly providerId: string
  /** How many reads a principal has within the window. */
  readonly limit: number
  readonly windowSeconds: number
}

/**
 * Books one read of a whole SSN and answers undefined, or answers after how many seconds there is
 * room again. Holds the principal's lock until the transaction ends, so that two at once count two.
 */
export async function bookSsnRead(tx: Transaction, read: SsnRead): Promise<number | undefined> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended($1::text, 0))`, [
    `ssn_reads:${read.principal}`,
  ])
  const { rows } = await tx.query<{ waitSeconds: number | null }>(
    // clock_timestamp(): now() is the moment before the wait for the lock.
    `select ceil(extract(epoch from read_at - clock_timestamp()) + $3::integer)::integer
              as "waitSeconds"
       from ssn_reads
      where principal = $1::text
        and read_at > clock_timestamp() - make_interval(secs => $3::integer)
      order by read_at desc
     offset $2::integer - 1
      limit 1`,
    [read.principal, read.limit, read.windowSeconds],
  )
  const wait = rows[0]?.waitSeconds
  if (wait !== undefined && wait !== null) return Math.max(1, wait)
  await tx.query(
    `insert into ssn_reads (principal, provider_id, read_at)
     values ($1::text, $2::uuid, clock_timestamp())`,
    [read.principal, read.providerId],
  )
  return undefined
}

/** The encrypted SSN of a provider; undefined for another compact's or an unknown one. */
export async function findSsnCipher(db: Queryable, key: ProviderKey): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ ssnCipher: Buffer }>(
    `select ssn_cipher as "ssnCipher" from provider_ssns
      where provider_id = $1::uuid and compact = $2::text`,
    [key.providerId, key.compact],
  )
  return rows[0]?.ssnCipher
}
