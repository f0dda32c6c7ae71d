import { randomUUID } from 'node:crypto'
import { findLoginFault, loginKey } from '../../core/user/login.ts'
import type { Queryable } from '../client.ts'

export const userSources = ['manual', 'ad', 'sis', 'profile'] as const
export type UserSource = (typeof userSources)[number]
export const userStatuses = ['active', 'disabled'] as const
export type UserStatus = (typeof userStatuses)[number]

/** A person; `id` stands for them wherever personal data may not go. */
export type User = {
  readonly id: string
  readonly login: string
  readonly email: string
  readonly name: string
  readonly country: string | undefined
  readonly region: string | undefined
  readonly source: UserSource
  readonly status: UserStatus
  readonly version: number
}

export type NewUser = Pick<User, 'login' | 'email' | 'name' | 'source'> & {
  readonly country?: string | undefined
  readonly region?: string | undefined
  /** `active` unless said. */
  readonly status?: UserStatus | undefined
}

type UserRow = Omit<User, 'country' | 'region'> & {
  readonly country: string | null
  readonly region: string | null
}

const COLUMNS = 'id, login, email, name, country, region, source, status, version'

/** The person with this login, in whatever case; undefined where there is none. */
export async function findUser(db: Queryable, login: string): Promise<User | undefined> {
  return await selectUser(db, login, '')
}

/** The same, whom nobody else changes until the transaction ends. */
export async function lockUser(tx: Queryable, login: string): Promise<User | undefined> {
  return await selectUser(tx, login, 'for update')
}

/** Creates a person; undefined when the login is taken. */
export async function createUser(tx: Queryable, user: NewUser): Promise<User | undefined> {
  const { rows } = await tx.query<UserRow>(
    `insert into users (id, login, login_key, email, name, country, region, source, status)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text)
     on conflict (login_key) do nothing
     returning ${COLUMNS}`,
    [
      randomUUID(),
      user.login,
      loginKey(user.login),
      user.email,
      user.name,
      user.country ?? null,
      user.region ?? null,
      user.source,
      user.status ?? 'active',
    ],
  )
  return rows[0] && toUser(rows[0])
}

/** Writes what is to be kept of a person and counts the change; `version` is that of before. */
export async function updateUser(tx: Queryable, user: User): Promise<User> {
  await tx.query(
    `update users
     set email = $2::text, name = $3::text, country = $4::text, region = $5::text,
       source = $6::text, status = $7::text, version = version + 1, updated_at = clock_timestamp()
     where id = $1::uuid`,
    [
      user.id,
      user.email,
      user.name,
      user.country ?? null,
      user.region ?? null,
      user.source,
      user.status,
    ],
  )
  return { ...user, version: user.version + 1 }
}

/** Deletes a person with their login and memberships. */
export async function deleteUser(tx: Queryable, id: string): Promise<void> {
  await tx.query('delete from users where id = $1::uuid', [id])
}

async function selectUser(
  db: Queryable,
  login: string,
  lock: '' | 'for update',
): Promise<User | undefined> {
  // What nobody can have may hold what PostgreSQL does not take.
  if (findLoginFault(login.normalize('NFC')) !== undefined) return undefined
  const { rows } = await db.query<UserRow>(
    `select ${COLUMNS} from users where login_key = $1::text ${lock}`,
    [loginKey(login)],
  )
  return rows[0] && toUser(rows[0])
}

function toUser({ country, region, ...row }: UserRow): User {
  return { ...row, country: country ?? undefined, region: region ?? undefined }
}
