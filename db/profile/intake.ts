import { createHash, randomUUID } from 'node:crypto'
import { AppError } from '../../core/errors.ts'
import { judgeChange, type AttributeChange } from '../../core/profile/change.ts'
import {
  findAttribute,
  withAttributes,
  type Attribute,
  type AttributeValue,
  type PartialProfile,
  type Profile,
  type PublisherName,
} from '../../core/profile/document.ts'
import type { LeafPath } from '../../core/profile/attributes.ts'
import { listProfileFaults } from '../../core/profile/faults.ts'
import type { Lane } from '../../core/profile/lanes.ts'
import { createNullProfile } from '../../core/profile/null-profile.ts'
import { listUnstorable } from '../../core/profile/storable.ts'
import { hashDocument } from '../../crypto/document-hash.ts'
import { createProfileIds } from '../../crypto/profile-ids.ts'
import { isSignedBy, signAttribute, type AttributeSigner } from '../../crypto/profile-signature.ts'
import type { Publishers } from '../../crypto/publishers.ts'
import { appendAudit, type AuditCause } from '../audit.ts'
import type { Transaction } from '../client.ts'
import { requestPropagation, withSubscribers, type QueuedPropagation } from './propagation.ts'
import { insertProfile, lockProfile, updateProfile, type VaultProfile } from './vault.ts'

export type IntakeDeps = {
  readonly publishers: Publishers
  readonly lanes: readonly Lane[]
  /** Names of the configured sinks, whose state every change shows. */
  readonly sinks: readonly string[]
}

/** What is common to everything that changes a person. */
export type Submission = {
  readonly userId: string
  /** Who calls, as their token or source says. */
  readonly publisher: PublisherName
  readonly actor: string
  readonly requestId: string
  readonly traceparent?: string | undefined
  readonly cause?: AuditCause
  readonly receivedAt: Date
}

export type ChangeSubmission = Submission & { readonly body: PartialProfile }

/** `serial` is absent for a noop, for which nothing is written. */
export type IntakeResult =
  | { readonly condition: 'noop' }
  | {
      readonly condition: 'create' | 'update' | 'delete'
      readonly serial: number
      readonly profileId: string
      /** To be handed to Temporal once the transaction is committed. */
      readonly propagation: QueuedPropagation
    }

const nullProfile = createNullProfile()
const noop = { condition: 'noop' } as const

/**
 * Takes one change in the caller's transaction: judges it against the person as they are now, who
 * stays locked until the end; verifies what changes; writes the next version, its serial, the audit
 * entry and the request to propagate. Throws what `judgeChange` throws, `invalid_signature` (403)
 * and `schema_violation` (400).
 */
export async function submitChange(
  tx: Transaction,
  deps: IntakeDeps,
  submission: ChangeSubmission,
): Promise<IntakeResult> {
  assertSchema([
    ...listProfileFaults(submission.body, { partial: true }),
    ...listUnstorable(submission.body),
  ])
  // Somebody else may create the same person between the look and the insert: then it is an update.
  for (;;) {
    const found = await lockProfile(tx, submission.userId)
    const stored = found?.deletedAt ? undefined : found
    const { body, publisher } = submission
    const changes = judgeChange({ stored: stored?.document, body, publisher })
    if (changes.length === 0) return noop
    assertSignatures(changes, deps.publishers, submission.receivedAt)
    const document = await createDocument(deps, submission, { stored, changes })
    const condition = stored ? 'update' : 'create'
    const changed = changes.map(({ path }) => path)
    const result = await recordVersion(tx, deps, {
      submission,
      found,
      condition,
      changed,
      document,
    })
    if (result) return result
  }
}

/** Marks a person as deleted, with a serial of its own; undefined when there is nobody. */
export async function submitDeletion(
  tx: Transaction,
  deps: IntakeDeps,
  submission: Submission,
): Promise<IntakeResult | undefined> {
  const found = await lockProfile(tx, submission.userId)
  if (!found || found.deletedAt) return undefined
  const change = { submission, found, condition: 'delete', changed: ['*'] } as const
  return await recordVersion(tx, deps, { ...change, document: found.document })
}

/** A version that was made, and of what. */
export type Recorded = {
  readonly submission: Submission
  readonly found: VaultProfile | undefined
  readonly condition: 'create' | 'update' | 'delete'
  readonly changed: readonly string[]
  readonly document: Profile
}

/**
 * Writes the next version of a locked person with its serial, audit entry and the request to
 * propagate; undefined when somebody else has just made a person who was not there.
 */
export async function recordVersion(
  tx: Transaction,
  deps: IntakeDeps,
  { submission, found, condition, changed, document }: Recorded,
): Promise<IntakeResult | undefined> {
  const id = found?.id ?? randomUUID()
  const after = condition === 'delete' ? DELETED_HASH : hashDocument(document)
  const { userId, publisher, actor, requestId, receivedAt } = submission
  const write = {
    id,
    userId,
    document,
    condition,
    publisher,
    changed,
    previousSerial: found?.deletedAt === null ? found.serial : undefined,
    afterHash: after,
    actor,
    requestId,
    receivedAt,
    sinks: deps.sinks,
  }
  const written = found ? await updateProfile(tx, write) : await insertProfile(tx, write)
  if (!written) return undefined
  const { serial } = written
  await appendAudit(tx, [
    {
      actor,
      action: `profile.${condition}d`,
      subject: { type: 'profile', id },
      before: written.beforeHash ?? undefined,
      after,
      cause: { requestId, publisher, serial, ...submission.cause },
    },
  ])
  const { traceparent } = submission
  const lanes = await withSubscribers(tx, deps.lanes)
  const request = { profileId: id, serial, lanes, requestId, traceparent }
  const propagation = await requestPropagation(tx, request)
  return { condition, serial, profileId: id, propagation }
}

// What a deleted person is: nothing.
const DELETED_HASH = createHash('sha256').update('null').digest()

type Drafted = {
  readonly stored: VaultProfile | undefined
  readonly changes: readonly AttributeChange[]
}

async function createDocument(
  deps: IntakeDeps,
  submission: ChangeSubmission,
  { stored, changes }: Drafted,
): Promise<Profile> {
  const base = stored?.document ?? nullProfile
  const attributes = new Map(changes.map(({ path, after }) => [path, after]))
  const merged = withAttributes(base, attributes)
  assertUserId(merged, submission.userId)
  const signer = getCisSigner(deps.publishers, submission.receivedAt)
  const own = stored
    ? await signActive(changes, signer)
    : await createServerSet(merged, deps, { submission, signer })
  const stamp = await createStamp(merged, 'last_modified', { submission, signer })
  const document = withAttributes(merged, new Map([...own, ['last_modified', stamp]]))
  assertSchema(listProfileFaults(document))
  return document
}

// Whom the caller names and whom the document is about must be one person.
function assertUserId(document: Profile, userId: string): void {
  if (findAttribute(document, 'user_id')?.value === userId) return
  throw new AppError(
    'schema_violation',
    'Cannot create this profile: it needs a signed user_id, the one that the request names',
    {
      status: 400,
      details: {
        errors: [{ pointer: '/user_id/value', code: 'required', detail: 'Must be the user id' }],
      },
    },
  )
}

// What a source says of joiners and leavers is signed again by cis, with its metadata as it came.
async function signActive(
  changes: readonly AttributeChange[],
  signer: AttributeSigner,
): Promise<Map<LeafPath, Attribute>> {
  const active = changes.find(({ path, kind }) => path === 'active' && kind !== 'create')
  if (!active || active.after.signature.publisher.name === 'cis') return new Map()
  return new Map([['active', await signAttribute(active.after, signer)]])
}

type Signing = { readonly submission: Submission; readonly signer: AttributeSigner }

async function createServerSet(
  document: Profile,
  { publishers }: IntakeDeps,
  signing: Signing,
): Promise<Map<LeafPath, Attribute>> {
  const { userId } = signing.submission
  const { uuid, primaryUsername } = createProfileIds(publishers.salt, userId)
  const create = async (path: LeafPath, value: AttributeValue): Promise<[LeafPath, Attribute]> => [
    path,
    await signValue(document, { path, value }, signing),
  ]
  const isStamped = findAttribute(document, 'created')?.value !== null
  const attributes = await Promise.all([
    create('uuid', uuid),
    create('primary_username', primaryUsername),
    ...(isStamped ? [] : [create('created', formatInstant(signing.submission.receivedAt))]),
  ])
  return new Map(attributes)
}

async function createStamp(
  document: Profile,
  path: LeafPath,
  signing: Signing,
): Promise<Attribute> {
  const value = formatInstant(signing.submission.receivedAt)
  return await signValue(document, { path, value }, signing)
}

async function signValue(
  document: Profile,
  { path, value }: { readonly path: LeafPath; readonly value: AttributeValue },
  { submission, signer }: Signing,
): Promise<Attribute> {
  const before = findAttribute(document, path)
  if (!before) throw new Error('Cannot sign an attribute: the document is not whole')
  const now = formatInstant(submission.receivedAt)
  const created = before.value === null ? now : before.metadata.created
  const metadata = { ...before.metadata, created, last_modified: now }
  return await signAttribute({ metadata, value }, signer)
}

function assertSignatures(
  changes: readonly AttributeChange[],
  publishers: Publishers,
  at: Date,
): void {
  const wrong = changes.find(({ after }) => {
    const keys = publishers.keysOf(after.signature.publisher.name, at)
    return !isSignedBy(after, keys)
  })
  if (!wrong) return
  const { name } = wrong.after.signature.publisher
  throw new AppError(
    'invalid_signature',
    `Cannot apply this change: the signature of ${wrong.path} is not one of ${name} over what was sent`,
    { status: 403 },
  )
}

function assertSchema(faults: ReturnType<typeof listProfileFaults>): void {
  if (faults.length === 0) return
  throw new AppError(
    'schema_violation',
    'Cannot take this profile: it breaks the schema at /.well-known/profile.schema',
    { status: 400, details: { errors: faults } },
  )
}

function getCisSigner(publishers: Publishers, at: Date): AttributeSigner {
  const signer = publishers.findSigner('cis', at)
  if (signer) return signer
  throw new AppError(
    'publishers_not_configured',
    'Cannot sign for cis: no private key of it counts now, mend PUBLISHERS_FILE',
    { status: 503, expose: true },
  )
}

/** The form in which profiles write instants: RFC 3339 with milliseconds, of which they are zero. */
function formatInstant(at: Date): string {
  return `${at.toISOString().slice(0, 19)}.000Z`
}
