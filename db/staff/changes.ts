import type { StaffPermissions } from '../../core/staff/permissions.ts'
import type { Queryable, Transaction } from '../client.ts'
import type { StaffStatus } from './records.ts'

export type StaffPerson = {
  readonly userId: string
  readonly email: string
  readonly givenName: string
  readonly familyName: string
}

export type StaffRecordKey = { readonly userId: string; readonly compact: string }

/** Lets one change of staff happen at a time, until the transaction ends: rules speak of several rows. */
export async function lockStaff(tx: Transaction): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('staff', 0))`)
}

/** The id of the user with this e-mail address, letter case aside. */
export async function findStaffIdByEmail(
  db: Queryable,
  email: string,
): Promise<string | undefined> {
  const { rows } = await db.query<{ userId: string }>(
    `select user_id as "userId" from staff_users
      where email_folded = $1::text and deleted_at is null`,
    [foldEmail(email)],
  )
  return rows[0]?.userId
}

/** Adds a user; one who was deleted comes back under the same id. False when the id is somebody's. */
export async function insertStaffUser(tx: Transaction, person: StaffPerson): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into staff_users as u (user_id, email, email_folded, given_name, family_name)
     values ($1::text, $2::text, $3::text, $4::text, $5::text)
     on conflict (user_id) do update
        set email = excluded.email, email_folded = excluded.email_folded,
            given_name = excluded.given_name, family_name = excluded.family_name,
            version = u.version + 1, updated_at = now(), deleted_at = null
      where u.deleted_at is not null`,
    [person.userId, person.email, foldEmail(person.email), person.givenName, person.familyName],
  )
  return rowCount === 1
}

/** Sets a user's names; absent ones stay. */
export async function updateStaffNames(
  tx: Transaction,
  userId: string,
  names: { readonly givenName?: string | undefined; readonly familyName?: string | undefined },
): Promise<void> {
  await tx.query(
    `update staff_users
        set given_name = coalesce($2::text, given_name),
            family_name = coalesce($3::text, family_name),
            version = version + 1, updated_at = now()
      where user_id = $1::text`,
    [userId, names.givenName ?? null, names.familyName ?? null],
  )
}

/** Writes a user's record in a compact, whether it is there or not. */
export async function saveStaffRecord(
  tx: Transaction,
  key: StaffRecordKey,
  record: { readonly permissions: StaffPermissions; readonly status: StaffStatus },
): Promise<void> {
  await tx.query(
    `with touched as (
       update staff_users set version = version + 1, updated_at = now() where user_id = $1::text
     )
     insert into staff_records (user_id, compact, permissions, status)
     values ($1::text, $2::text, $3::jsonb, $4::text)
     on conflict (user_id, compact) do update
        set permissions = excluded.permissions, status = excluded.status`,
    [key.userId, key.compact, JSON.stringify(record.permissions), record.status],
  )
}

/** Deletes a user with every record; what stays only shuts out their tokens. */
export async function deleteStaffUser(tx: Transaction, userId: string): Promise<void> {
  await tx.query('delete from staff_records where user_id = $1::text', [userId])
  await tx.query(
    `update staff_users
        set email = null, email_folded = null, given_name = null, family_name = null,
            version = version + 1, updated_at = now(), deleted_at = now()
      where user_id = $1::text`,
    [userId],
  )
}

/** How many others administer the compact. */
export async function countOtherAdmins(tx: Transaction, key: StaffRecordKey): Promise<number> {
  const { rows } = await tx.query<{ count: number }>(
    `select count(*)::integer as count from staff_records
      where compact = $1::text and user_id <> $2::text and status = 'active'
        and permissions -> 'actions' ? 'admin'`,
    [key.compact, key.userId],
  )
  return rows[0]?.count ?? 0
}

/** RFC 5321 lets only the domain be case-insensitive; in practice nobody tells two people apart by it. */
function foldEmail(email: string): string {
  return email.normalize('NFC').toLowerCase()
}
