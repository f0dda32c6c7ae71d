import { parsePermissions, type StaffPermissions } from '../../core/staff/permissions.ts'
import type { StaffRecord } from '../../core/staff/scopes.ts'
import type { Queryable } from '../client.ts'

export type StaffStatus = StaffRecord['status']

/** A staff user with their record in one compact. */
export type StaffUser = {
  readonly userId: string
  readonly compact: string
  readonly email: string
  readonly givenName: string
  readonly familyName: string
  /** Undefined where they cannot be understood. */
  readonly permissions: StaffPermissions | undefined
  readonly status: StaffStatus
  /** Of the user, over all compacts. */
  readonly version: number
  readonly updatedAt: Date
}

/** What is known of a subject: nothing, that they were deleted, or their records. */
export type StaffSubject =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'staff'; readonly records: readonly StaffRecord[] }

type StaffRow = Omit<StaffUser, 'permissions'> & { readonly permissions: unknown }

const COLUMNS = `u.user_id as "userId", r.compact, u.email, u.given_name as "givenName",
  u.family_name as "familyName", r.permissions, r.status, u.version::integer as version,
  u.updated_at as "updatedAt"`

/** What the product knows of a token's subject. */
export async function getStaffSubject(db: Queryable, userId: string): Promise<StaffSubject> {
  const { rows } = await db.query<{
    deleted: boolean
    compact: string | null
    permissions: unknown
    status: StaffStatus
  }>({
    name: 'get-staff-subject',
    text: `select u.deleted_at is not null as deleted, r.compact, r.permissions, r.status
             from staff_users u
             left join staff_records r on r.user_id = u.user_id
            where u.user_id = $1::text
            order by r.compact`,
    values: [userId],
  })
  if (rows[0] === undefined) return { kind: 'unknown' }
  if (rows[0].deleted) return { kind: 'deleted' }
  const records = rows.flatMap(({ compact, permissions, status }) =>
    compact === null ? [] : [{ compact, status, permissions: parsePermissions(permissions) }],
  )
  return { kind: 'staff', records }
}

/** One user's record in a compact, or in all of them. */
export async function listStaffRecords(
  db: Queryable,
  of: { readonly userId: string; readonly compact?: string },
): Promise<StaffUser[]> {
  const { rows } = await db.query<StaffRow>(
    `select ${COLUMNS}
       from staff_users u join staff_records r on r.user_id = u.user_id
      where u.user_id = $1::text and ($2::text is null or r.compact = $2::text)
      order by r.compact`,
    [of.userId, of.compact ?? null],
  )
  return rows.map(toStaffUser)
}

/** A page of a compact's users by id, of those only who have an entry in one of the jurisdictions where some are given. */
export async function listStaffUsers(
  db: Queryable,
  of: {
    readonly compact: string
    readonly jurisdictions: readonly string[] | undefined
    readonly after: string
    readonly limit: number
  },
): Promise<StaffUser[]> {
  const { rows } = await db.query<StaffRow>(
    `select ${COLUMNS}
       from staff_records r join staff_users u on u.user_id = r.user_id
      where r.compact = $1::text and r.user_id > $3::text
        and ($2::text[] is null or (r.permissions -> 'jurisdictions') ?| $2::text[])
      order by r.user_id
      limit $4::integer`,
    [of.compact, of.jurisdictions ?? null, of.after, of.limit],
  )
  return rows.map(toStaffUser)
}

function toStaffUser(row: StaffRow): StaffUser {
  return { ...row, permissions: parsePermissions(row.permissions) }
}
