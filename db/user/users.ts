import { randomUUID } from 'node:crypto'
import { loginKey } from '../../core/user/login.ts'
import type { Queryable } from '../client.ts'

export type UserSource = 'manual' | 'ad' | 'sis' | 'profile'

/** A person; `id` stands for them wherever personal data may not go. */
export type User = {
  readonly id: string
  readonly login: string
  readonly email: string
  readonly name: string
  readonly country: string | undefined
  readonly region: string | undefined
  readonly source: UserSource
  readonly status: 'active' | 'disabled'
  readonly version: number
}

export type NewUser = Pick<User, 'login' | 'email' | 'name' | 'source'> &
  Partial<Pick<User, 'country' | 'region'>>

type UserRow = Omit<User, 'country' | 'region'> & {
  readonly country: string | null
  readonly region: string | null
}

const COLUMNS = 'id, login, email, name, country, region, source, status, version'

/** The person with this login, in whatever case; undefined where there is none. */
export async function findUser(db: Queryable, login: string): Promise<User | undefined> {
  const { rows } = await db.query<UserRow>(
    `select ${COLUMNS} from users where login_key = $1::text`,
    [loginKey(login)],
  )
  return rows[0] && toUser(rows[0])
}

/** Creates an active person; undefined when the login is taken. */
export async function createUser(tx: Queryable, user: NewUser): Promise<User | undefined> {
  const { rows } = await tx.query<UserRow>(
    `insert into users (id, login, login_key, email, name, country, region, source)
     values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text)
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
    ],
  )
  return rows[0] && toUser(rows[0])
}

function toUser({ country, region, ...row }: UserRow): User {
  return { ...row, country: country ?? undefined, region: region ?? undefined }
}
