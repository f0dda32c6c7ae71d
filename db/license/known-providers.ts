import type { Queryable } from '../client.ts'
import { ssnHashBytes } from './ssn-key.ts'

/**
 * Whose SSNs are, and what of them is stored, in the order of their hashes: as two values, because a
 * row each would cost more than the look-up.
 */
export type KnownProviders = {
  /** The ids, 16 bytes each; zeros stand for nobody. */
  readonly ids: Uint8Array
  /**
   * The content hashes of their licenses in the jurisdiction, hexadecimal: of one provider one after
   * the other, of different ones with a comma between.
   */
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

const NOBODY = Buffer.alloc(16)

/** Finds the providers of these SSN hashes. */
export async function listKnownProviders(
  db: Queryable,
  { compact, jurisdiction, hashes, withContents }: ProviderQuery,
): Promise<KnownProviders> {
  // The limit makes it one look-up each: a chunk is small beside the table, and reading that whole
  // would cost more.
  const { rows } = await db.query<KnownProviders>(
    `select
       coalesce(string_agg(coalesce(uuid_send(p.provider_id), $6::bytea), '' order by position), '')
         as ids,
       coalesce(string_agg(coalesce(p.contents, ''), ',' order by position), '') as contents
     from generate_series(0, octet_length($2::bytea) / $3::integer - 1) position
     left join lateral (
       select s.provider_id, case when $4::boolean then (
           select encode(string_agg(l.content_hash, ''), 'hex')
           from licenses l
           where l.provider_id = s.provider_id and l.jurisdiction = $5::text
         ) end as contents
       from provider_ssns s
       where s.compact = $1::text
         and s.ssn_hash = substring($2::bytea from position * $3::integer + 1 for $3::integer)
       limit 1
     ) p on true`,
    [
      compact,
      Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength),
      ssnHashBytes,
      withContents,
      jurisdiction,
      NOBODY,
    ],
  )
  return rows[0] ?? { ids: NOBODY.subarray(0, 0), contents: '' }
}
