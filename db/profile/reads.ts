import type { Profile } from '../../core/profile/document.ts'
import type { Queryable } from '../client.ts'

/** What a person can be looked up by. */
export type ProfileKey = 'user_id' | 'uuid' | 'primary_email' | 'primary_username'

/** A person of the vault who is not deleted. */
export type VaultProfile = {
  /** Stands for the person where personal data may not go. */
  readonly id: string
  readonly document: Profile
  readonly version: number
}

export type ProfileLookup = {
  readonly key: ProfileKey
  readonly value: string
  /** Undefined: whether active or not. */
  readonly active: boolean | undefined
}

const conditions: Readonly<Record<ProfileKey, string>> = {
  user_id: 'user_id = $1::text',
  uuid: 'uuid = $1::text',
  primary_email: 'lower(primary_email) = lower($1::text)',
  primary_username: 'primary_username = $1::text',
}

/**
 * The person with this key in this state; of several with one address (their case does not count)
 * the first by user id.
 */
export async function findProfile(
  db: Queryable,
  { key, value, active }: ProfileLookup,
): Promise<VaultProfile | undefined> {
  const { rows } = await db.query<VaultProfile>(
    `select id, document, version
       from profiles
      where ${conditions[key]}
        and deleted_at is null
        and ($2::boolean is null or active = $2::boolean)
      order by user_id
      limit 1`,
    [value, active],
  )
  return rows[0]
}

/** Whether somebody has this address, and whether one of them is in LDAP; active or not. */
export async function findExistence(
  db: Queryable,
  primaryEmail: string,
): Promise<{ readonly cis: boolean; readonly ldap: boolean }> {
  const { rows } = await db.query<{ cis: boolean; ldap: boolean }>(
    `select count(*) > 0 as cis,
            coalesce(bool_or(
              document #> '{access_information,ldap,values}' <> 'null'::jsonb), false) as ldap
       from profiles
      where lower(primary_email) = lower($1::text)
        and deleted_at is null`,
    [primaryEmail],
  )
  return rows[0] ?? { cis: false, ldap: false }
}
