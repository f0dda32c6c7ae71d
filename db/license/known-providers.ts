import type { Queryable } from '../client.ts'
import { ssnHashBytes } from './ssn-key.ts'

/** Position in the list of hashes → id of the provider who has that SSN. */
export type KnownProviders = ReadonlyMap<number, string>

/** Finds the providers of these SSN hashes, given one after the other in one run of bytes. */
export async function findKnownProviders(
  db: Queryable,
  compact: string,
  hashes: Uint8Array,
): Promise<KnownProviders> {
  // One value instead of thousands; names the position from 0.
  const { rows } = await db.query<{ position: number; id: string }>(
    `select position, p.provider_id as id
     from generate_series(0, octet_length($2::bytea) / $3::integer - 1) position
     join provider_ssns p on p.compact = $1::text
       and p.ssn_hash = substring($2::bytea from position * $3::integer + 1 for $3::integer)`,
    [compact, Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength), ssnHashBytes],
  )
  return new Map(rows.map((row) => [row.position, row.id]))
}
