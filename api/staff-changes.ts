import { createHash, randomUUID } from 'node:crypto'
import { AppError } from '../core/errors.ts'
import type { Compact } from '../core/license/compacts.ts'
import { grantsWithin, mayDeleteStaff, type Authority } from '../core/staff/administration.ts'
import {
  changePermissions,
  isWithoutPermissions,
  noPermissions,
  type PermissionsChange,
  type StaffPermissions,
} from '../core/staff/permissions.ts'
import { appendAudit } from '../db/audit.ts'
import { withTransaction, type Database, type Transaction } from '../db/client.ts'
import {
  countOtherAdmins,
  deleteStaffUser,
  findStaffIdByEmail,
  insertStaffUser,
  lockStaff,
  saveStaffRecord,
} from '../db/staff/changes.ts'
import { listStaffRecords, type StaffStatus, type StaffUser } from '../db/staff/records.ts'
import { assertIfMatch, createEtag } from './etag.ts'
import { assertMayChange, assertVisible, throwBeyond } from './policies/staff.ts'

/** Who changes staff, where, and why. */
export type StaffChange = {
  readonly actor: string
  readonly requestId: string
  readonly compact: Compact
  readonly authority: Authority
}

export type NewStaffUser = {
  /** The `sub` of their tokens, where their identity provider has given one. */
  readonly userId?: string | undefined
  readonly email: string
  readonly givenName: string
  readonly familyName: string
  readonly permissions: PermissionsChange
}

export type StaffEdit = {
  readonly userId: string
  readonly permissions?: PermissionsChange | undefined
  readonly status?: StaffStatus | undefined
  readonly ifMatch: string | undefined
}

/** Creates a user's record in the compact, or merges the permissions into the one that is there. */
export async function createStaffUser(
  tx: Transaction,
  change: StaffChange,
  person: NewStaffUser,
): Promise<{ readonly user: StaffUser; readonly isNew: boolean }> {
  assertMayChange(change.authority, person.permissions, change.compact)
  if (!grantsWithin(change.authority, person.permissions)) {
    throwBeyond('a new user needs a permission in one of its jurisdictions')
  }
  await lockStaff(tx)
  const userId = await findOrInsert(tx, person)
  const before = await findRecord(tx, change, userId)
  await save(tx, change, {
    userId,
    before,
    permissions: changePermissions(before?.permissions ?? noPermissions, person.permissions),
    status: before?.status ?? 'active',
  })
  return { user: await getRecord(tx, change, userId), isNew: before === undefined }
}

/** Grants and revokes; throws 404, 412, 403, or `last_admin` (409). */
export async function editStaffUser(
  db: Database,
  change: StaffChange,
  edit: StaffEdit,
): Promise<StaffUser> {
  return await withTransaction(db, async (tx) => {
    await lockStaff(tx)
    const before = await findRecord(tx, change, edit.userId)
    assertVisible(change.authority, before)
    if (edit.ifMatch !== undefined) assertIfMatch(edit.ifMatch, createEtag(before.version))
    const wanted = edit.permissions ?? {}
    assertMayChange(change.authority, wanted, change.compact)
    if (edit.status !== undefined && change.authority.level !== 'compact') {
      throwBeyond('only an administrator of the whole compact may set a status')
    }
    await save(tx, change, {
      userId: edit.userId,
      before,
      permissions: changePermissions(before.permissions ?? noPermissions, wanted),
      status: edit.status ?? before.status,
    })
    return await getRecord(tx, change, edit.userId)
  })
}

/** Deletes a user with every record; throws 404, 403, `staff_elsewhere` or `last_admin` (409). */
export async function removeStaffUser(
  db: Database,
  change: StaffChange,
  target: { readonly userId: string; readonly ifMatch: string | undefined },
): Promise<void> {
  const { userId } = target
  await withTransaction(db, async (tx) => {
    await lockStaff(tx)
    const records = await listStaffRecords(tx, { userId })
    const before = records.find(({ compact }) => compact === change.compact.abbreviation)
    assertVisible(change.authority, before)
    if (target.ifMatch !== undefined) assertIfMatch(target.ifMatch, createEtag(before.version))
    if (!mayDeleteStaff(change.authority, before.permissions ?? noPermissions)) {
      throwBeyond('the user has permissions that it does not reach')
    }
    if (records.some((record) => record !== before && holdsSomething(record))) throwElsewhere()
    await assertAdminLeft(tx, change, { userId, before, after: undefined })
    await deleteStaffUser(tx, userId)
    await audit(tx, change, { action: 'staff-user.deleted', userId, before, after: undefined })
  })
}

type Saving = {
  readonly userId: string
  readonly before: StaffUser | undefined
  readonly permissions: StaffPermissions
  readonly status: StaffStatus
}

async function save(tx: Transaction, change: StaffChange, saving: Saving): Promise<void> {
  const { userId, before, permissions, status } = saving
  const after = { permissions, status }
  await assertAdminLeft(tx, change, { userId, before, after })
  await saveStaffRecord(tx, { userId, compact: change.compact.abbreviation }, after)
  const action = before === undefined ? 'staff-user.created' : 'staff-user.updated'
  await audit(tx, change, { action, userId, before, after })
}

async function findOrInsert(tx: Transaction, person: NewStaffUser): Promise<string> {
  const known = await findStaffIdByEmail(tx, person.email)
  if (known !== undefined) {
    if (person.userId === undefined || person.userId === known) return known
    throwConflict('the e-mail address belongs to another user id')
  }
  const userId = person.userId ?? randomUUID()
  const isInserted = await insertStaffUser(tx, { ...person, userId })
  return isInserted ? userId : throwConflict('the user id has another e-mail address')
}

async function findRecord(
  tx: Transaction,
  { compact }: StaffChange,
  userId: string,
): Promise<StaffUser | undefined> {
  const [record] = await listStaffRecords(tx, { userId, compact: compact.abbreviation })
  return record
}

async function getRecord(tx: Transaction, change: StaffChange, userId: string): Promise<StaffUser> {
  const record = await findRecord(tx, change, userId)
  assertVisible({ level: 'compact' }, record)
  return record
}

type RecordState = Pick<StaffUser, 'permissions' | 'status'>

type Transition = {
  readonly userId: string
  readonly before: RecordState | undefined
  readonly after: RecordState | undefined
}

async function assertAdminLeft(
  tx: Transaction,
  { compact }: StaffChange,
  { userId, before, after }: Transition,
): Promise<void> {
  if (!isAdmin(before) || isAdmin(after)) return
  const others = await countOtherAdmins(tx, { userId, compact: compact.abbreviation })
  if (others > 0) return
  throw new AppError(
    'last_admin',
    'Cannot take the compact its last administrator: make another one first',
    { status: 409 },
  )
}

function isAdmin(record: RecordState | undefined): boolean {
  return record?.status === 'active' && record.permissions?.actions.includes('admin') === true
}

// A record that cannot be understood may hold something.
function holdsSomething({ permissions }: RecordState): boolean {
  return permissions === undefined || !isWithoutPermissions(permissions)
}

async function audit(
  tx: Transaction,
  change: StaffChange,
  entry: Transition & { readonly action: string },
): Promise<void> {
  const { action, userId, before, after } = entry
  const cause = { requestId: change.requestId, compact: change.compact.abbreviation }
  await appendAudit(tx, [
    {
      actor: change.actor,
      action,
      subject: { type: 'staff-user', id: userId },
      before: hashState(before),
      after: hashState(after),
      cause,
    },
  ])
}

function hashState(state: RecordState | undefined): Buffer | undefined {
  if (!state) return undefined
  const { permissions, status } = state
  return createHash('sha256')
    .update(JSON.stringify([permissions, status]))
    .digest()
}

function throwElsewhere(): never {
  throw new AppError(
    'staff_elsewhere',
    'Cannot delete this user: they hold permissions outside this compact, to be removed first',
    { status: 409 },
  )
}

function throwConflict(reason: string): never {
  throw new AppError('staff_conflict', `Cannot create this user: ${reason}`, { status: 409 })
}
