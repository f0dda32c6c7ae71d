import { randomUUID } from 'node:crypto'
import type { LeafPath } from '../../core/profile/attributes.ts'
import {
  findAttribute,
  withAttributes,
  type Attribute,
  type AttributeMetadata,
  type Profile,
  type PublisherName,
} from '../../core/profile/document.ts'
import {
  createAttribute,
  createNullProfile,
  type AttributeContent,
} from '../../core/profile/null-profile.ts'
import { createPersonContents } from '../../core/sample/person.ts'
import { createProfileIds } from '../../crypto/profile-ids.ts'
import type { Queryable } from '../../db/client.ts'

export const TEST_SALT = '12345'

const nullProfile = createNullProfile()

export type Content = AttributeContent

export type TestProfileOptions = {
  /** Decides what is drawn; two numbers are two persons. */
  readonly seed?: number
  readonly userId?: string
  /** By dotted path; null for an attribute that should stay null. */
  readonly contents?: Readonly<Record<LeafPath, Content>>
  /** By dotted path. */
  readonly metadata?: Readonly<Record<LeafPath, Partial<AttributeMetadata>>>
}

/** An attribute with this content and otherwise as the null profile has it; unsigned. */
export function createTestAttribute(
  path: LeafPath,
  content: Content,
  metadata: Partial<AttributeMetadata> = {},
): Attribute {
  const at = '2020-01-01T00:00:00.000Z'
  return createAttribute(path, content, {
    metadata: { created: at, last_modified: at, ...metadata },
  })
}

/** A made-up active staff member, whole and by the schema, whose attributes are unsigned. */
export function createTestProfile(options: TestProfileOptions = {}): Profile {
  const contents = { ...createContents(options), ...options.contents }
  const attributes = Object.entries(contents).map(([path, content]): [LeafPath, Attribute] => [
    path,
    createTestAttribute(path, content, options.metadata?.[path]),
  ])
  return withAttributes(nullProfile, new Map(attributes))
}

function createContents({ seed = 1, userId }: TestProfileOptions): Record<LeafPath, Content> {
  const contents = createPersonContents(seed)
  const id = userId ?? contents.user_id
  const { uuid, primaryUsername } = createProfileIds(TEST_SALT, id)
  return { ...contents, user_id: id, uuid, primary_username: primaryUsername }
}

export type StoredProfile = {
  readonly id: string
  readonly serial: number
  readonly userId: string
}

/** Puts a profile into the vault as its creation would have: one row and one change. */
export async function storeTestProfile(
  db: Queryable,
  profile: Profile,
  { deleted = false, publisher = 'ldap' } = {},
): Promise<StoredProfile> {
  const valueOf = (path: LeafPath): unknown => findAttribute(profile, path)?.value
  const { rows } = await db.query<{ serial: number }>(`select nextval('profile_serials') as serial`)
  const [id, serial] = [randomUUID(), rows[0]?.serial ?? 0]
  const userId = String(valueOf('user_id'))
  await db.query(
    `insert into profiles (id, user_id, uuid, primary_username, primary_email, active, document,
       version, serial, deleted_at)
     values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9)`,
    [
      id,
      userId,
      valueOf('uuid'),
      valueOf('primary_username'),
      valueOf('primary_email'),
      valueOf('active'),
      JSON.stringify(profile),
      serial,
      deleted ? new Date() : null,
    ],
  )
  await db.query(
    `insert into profile_changes (serial, profile_id, publisher, condition, changed, version,
       after_hash, actor, request_id, sinks, received_at)
     values ($1, $2, $3, 'create', $4, 1, $5, 'test', 'test', '{}', now())`,
    [serial, id, publisher, ['user_id'], Buffer.alloc(32)],
  )
  return { id, serial, userId }
}

export type TestChange = {
  readonly profileId: string
  readonly version: number
  readonly changed: readonly string[]
  readonly publisher?: PublisherName
  readonly condition?: 'create' | 'update' | 'delete'
  readonly sinks?: readonly string[]
}

/** Records a further change of a person, whose newest one it is, and returns its serial. */
export async function recordTestChange(db: Queryable, change: TestChange): Promise<number> {
  const { profileId, version, changed, publisher = 'ldap', condition = 'update' } = change
  const { rows } = await db.query<{ serial: number }>(
    `with change as (
       insert into profile_changes (serial, profile_id, publisher, condition, changed, version,
         before_hash, after_hash, actor, request_id, sinks, received_at)
       values (nextval('profile_serials'), $1, $2, $3, $4, $5, $6, $7, 'test', 'test', $8, now())
       returning serial)
     update profiles set version = $5, serial = change.serial
       from change where id = $1 returning change.serial as serial`,
    [
      profileId,
      publisher,
      condition,
      changed,
      version,
      Buffer.alloc(32, version - 1),
      Buffer.alloc(32, version),
      change.sinks ?? [],
    ],
  )
  return rows[0]?.serial ?? 0
}
