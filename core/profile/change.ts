import { AppError } from '../errors.ts'
import { leafPaths, type LeafPath } from './attributes.ts'
import { isEarlier } from './date-time.ts'
import {
  contentOf,
  findAttribute,
  type Attribute,
  type PartialProfile,
  type Profile,
  type PublisherName,
} from './document.ts'
import { mayCreate, mayUpdate } from './rules.ts'

/** What a publisher asks for: a document of which every attribute is whole. */
export type ChangeRequest = {
  /** Undefined: nobody has this user id. */
  readonly stored: Profile | undefined
  readonly body: PartialProfile
  /** Who calls, as their token says. */
  readonly publisher: PublisherName
}

/** One attribute that is to be exchanged. */
export type AttributeChange = {
  readonly path: LeafPath
  readonly before: Attribute | undefined
  readonly after: Attribute
  readonly kind: 'create' | 'update' | 'display'
}

const SERVER_SET: ReadonlySet<LeafPath> = new Set(['uuid', 'primary_username'])
const STAMPS: ReadonlySet<LeafPath> = new Set(['created', 'last_modified'])

/**
 * What a request changes, after it was judged: empty for a noop. Throws `stale_attribute` (409) when
 * every change is older than what is stored (of the server's stamps nobody else is told),
 * `uuid_or_primary_username_set` and `invalid_publisher` (403). Signatures and the schema are not
 * judged here.
 */
export function judgeChange(request: ChangeRequest): AttributeChange[] {
  const { stored, publisher } = request
  assertServerSetNothing(request)
  const changes = listChanges(request)
  const fresh = dropStale(changes, publisher)
  for (const change of fresh) assertSignedByCaller(change, publisher)
  for (const change of fresh) assertMayPublish(change, stored === undefined ? [] : fresh)
  return fresh
}

/** The attributes of the body that differ from what is stored in content, audience or verification. */
export function listChanges({ stored, body, publisher }: ChangeRequest): AttributeChange[] {
  // What is sent again as it was first sent carries stamps that are the server's since.
  const isSkipped = (path: LeafPath): boolean =>
    STAMPS.has(path) && stored !== undefined && publisher !== 'cis' && isWhole(body)
  return leafPaths.flatMap((path) => {
    const after = findAttribute(body, path)
    if (after === undefined || contentOf(after) === null || isSkipped(path)) return []
    const before = stored && findAttribute(stored, path)
    const kind = kindOf(before, after)
    return kind === undefined ? [] : [{ path, before, after, kind }]
  })
}

/** True when two JSON values are the same, whatever the order of their members. */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  const [names, otherNames] = [Object.keys(one), Object.keys(other)]
  if (names.length !== otherNames.length) return false
  return names.every(
    (name) => Object.hasOwn(other, name) && isSameJson(get(one, name), get(other, name)),
  )
}

function kindOf(
  before: Attribute | undefined,
  after: Attribute,
): AttributeChange['kind'] | undefined {
  if (before === undefined || contentOf(before) === null) return 'create'
  if (!isSameJson(contentOf(before), contentOf(after))) return 'update'
  const { display, verified } = before.metadata
  const isSame = display === after.metadata.display && verified === after.metadata.verified
  return isSame ? undefined : 'display'
}

function isWhole(body: PartialProfile): boolean {
  return leafPaths.every((path) => findAttribute(body, path) !== undefined)
}

function dropStale(changes: AttributeChange[], publisher: PublisherName): AttributeChange[] {
  const fresh = changes.filter((change) => !isStale(change))
  // Old stamps come with a profile that is sent again: the server's are newer since.
  const refusable = publisher === 'cis' ? changes : changes.filter(({ path }) => !STAMPS.has(path))
  if (fresh.length > 0 || refusable.length === 0) return fresh
  throw new AppError(
    'stale_attribute',
    `Cannot apply this change: what is stored of ${listNames(changes)} is newer`,
    { status: 409 },
  )
}

function isStale({ before, after, kind }: AttributeChange): boolean {
  if (before === undefined || kind === 'create') return false
  return isEarlier(after.metadata.last_modified, before.metadata.last_modified)
}

function assertServerSetNothing({ stored, body }: ChangeRequest): void {
  if (stored !== undefined) return
  for (const path of SERVER_SET) {
    const attribute = findAttribute(body, path)
    if (attribute === undefined || contentOf(attribute) === null) continue
    throw new AppError(
      'uuid_or_primary_username_set',
      `Cannot create this profile: ${path} is set by the server alone, send it as null`,
      { status: 403 },
    )
  }
}

function assertSignedByCaller({ path, after }: AttributeChange, publisher: PublisherName): void {
  const { name } = after.signature.publisher
  if (name === publisher) return
  throwInvalidPublisher(
    `Cannot apply this change: ${path} is signed by ${name}, the token belongs to ${publisher}`,
  )
}

function assertMayPublish(change: AttributeChange, together: readonly AttributeChange[]): void {
  const { path, after, kind } = change
  const publisher = after.signature.publisher.name
  const request = { path, publisher }
  if (kind === 'create' ? mayCreate(request) : mayChange(change, together)) return
  throwInvalidPublisher(
    `[${kind === 'create' ? 'create' : 'update'}] ${publisher} is NOT allowed to publish field ${leafName(path)}`,
  )
}

function mayChange(change: AttributeChange, together: readonly AttributeChange[]): boolean {
  const { path, after, kind } = change
  const publisher = after.signature.publisher.name
  if (path === 'active') return mayChangeActive(publisher, together)
  // Everybody's own right to choose an audience is exercised there.
  return mayUpdate({ path, publisher }) || (kind === 'display' && publisher === 'mozilliansorg')
}

// Sources that know of joiners and leavers set it for cis, which signs it again.
function mayChangeActive(publisher: PublisherName, together: readonly AttributeChange[]): boolean {
  if (publisher === 'hris' || mayUpdate({ path: 'active', publisher })) return true
  const isAlone = together.length === 1
  return isAlone && (publisher === 'ldap' || publisher === 'access_provider')
}

function leafName(path: LeafPath): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

function listNames(changes: readonly AttributeChange[]): string {
  return changes.map(({ path }) => path).join(', ')
}

function throwInvalidPublisher(message: string): never {
  throw new AppError('invalid_publisher', message, { status: 403 })
}

function get(holder: object, name: string): unknown {
  return (holder as Readonly<Record<string, unknown>>)[name] // it has this member
}
