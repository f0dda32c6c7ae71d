import type { Queryable } from '../client.ts'
import { ssnHashBytes } from './ssn-key.ts'

/** Whose an SSN is, and what of them is stored. */
export type KnownProvider = {
  /** Position in the list of hashes. */
  readonly position: number
  readonly id: string
  /** The content hashes of their licenses in the jurisdiction, hexadecimal, one after the other. */
  readonly contents: string
}

export type ProviderQuery = {
  readonly compact: string
  readonly jurisdiction: string
  /** SSN hashes, one after the other. */
  readonly hashes: Uint8Array
  /** Without it all contents are empty. */
  readonly withContents: boolean
}

/** Finds the providers of these SSN hashes. */
export async function listKnownProviders(
  db: Queryable,
  { compact, jurisdiction, hashes, withContents }: ProviderQuery,
): Promise<KnownProvider[]> {
  // One value instead of thousands of them. The limit makes it one look-up each: a chunk is small
  // beside the table, and reading that whole would cost more.
  const { rows } = await db.query<KnownProvider>(
    `select position, p.provider_id as id,
       case when $4::boolean then coalesce((
         select encode(string_agg(l.content_hash, ''), 'hex')
         from licenses l
         where l.provider_id = p.provider_id and l.jurisdiction = $5::text
       ), '') else '' end as contents
     from generate_series(0, octet_length($2::bytea) / $3::integer - 1) position
     cross join lateral (
       select provider_id
       from provider_ssns
       where compact = $1::text
         and ssn_hash = substring($2::bytea from position * $3::integer + 1 for $3::integer)
       limit 1
     ) p`,
    [
      compact,
      Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength),
      ssnHashBytes,
      withContents,
      jurisdiction,
    ],
  )
  return rows
}
