import type { LeafPath } from '../profile/attributes.ts'
import type { Profile } from '../profile/document.ts'
import { listReadablePaths } from '../profile/filter.ts'
import { wantsEvent } from './events.ts'

/** What a relying party is told of a person: never a value. */
export type ProfileEvent = {
  readonly operation: 'create' | 'update' | 'delete'
  /** The user id. */
  readonly id: string
  /** Of the newest change, in whole seconds since 1970, as CIS v2 sends it. */
  readonly time: number
  readonly serial: number
  /** Dotted names that the receiver may see, sorted; none for a deletion. */
  readonly changed: readonly LeafPath[]
}

/** A change as it was committed. */
export type PublishedChange = {
  readonly serial: number
  readonly condition: 'create' | 'update' | 'delete'
  readonly changed: readonly LeafPath[]
  readonly committedAt: Date
}

/** The person as they are now. */
export type PublishedPerson = {
  readonly userId: string
  readonly document: Profile
  readonly isDeleted: boolean
}

/** What an endpoint wants to know, and may. */
export type Interest = {
  /** Patterns in their long form. */
  readonly events: readonly string[]
  readonly scopes: ReadonlySet<string>
  /** Leaves, or groups of them; undefined for all. */
  readonly attributes?: readonly string[] | undefined
}

export type ProfileEventInput = {
  /** By serial, at least one. */
  readonly changes: readonly PublishedChange[]
  readonly person: PublishedPerson
  /** What waits for the endpoint already and is contained in the new event. */
  readonly waiting?: ProfileEvent | undefined
}

const MS_PER_SECOND = 1_000

type Draft = Pick<ProfileEvent, 'operation' | 'changed'>

// Set with every new person, by nobody's change: whoever sees no more than these hears of them too.
const SERVER_SET: readonly LeafPath[] = ['uuid', 'primary_username']

const NOTHING: Draft = { operation: 'update', changed: [] }

/**
 * One event for all that is new about a person, as an endpoint is to hear it; undefined when
 * nothing of it is for this endpoint.
 */
export function composeProfileEvent(
  { changes, person, waiting }: ProfileEventInput,
  interest: Interest,
): ProfileEvent | undefined {
  const wanted = changes.filter(({ condition }) =>
    wantsEvent(interest.events, `profile.${condition}`),
  )
  const newest = wanted.at(-1)
  if (!newest || person.isDeleted !== (newest.condition === 'delete')) return undefined
  const visible = listVisible(person.document, interest)
  const isVisible = wanted.reduce(add, NOTHING).changed.some((name) => visible.has(name))
  if (!isVisible && !person.isDeleted) return undefined
  const { operation, changed } = wanted.reduce(add, waiting ?? NOTHING)
  const told = new Set([...visible, ...(waiting?.changed ?? [])])
  return {
    operation,
    id: person.userId,
    time: Math.floor(newest.committedAt.getTime() / MS_PER_SECOND),
    serial: newest.serial,
    changed: changed.filter((name) => told.has(name)).toSorted(),
  }
}

// A person who is new to the receiver stays so, whatever else happened to them since.
function add(before: Draft, { condition, changed }: PublishedChange): Draft {
  if (condition === 'delete') return { operation: 'delete', changed: [] }
  if (condition === 'create') return { operation: 'create', changed: [...SERVER_SET, ...changed] }
  const operation = before.operation === 'create' ? 'create' : 'update'
  return { operation, changed: [...new Set([...before.changed, ...changed])] }
}

function listVisible(document: Profile, { scopes, attributes }: Interest): Set<LeafPath> {
  const readable = listReadablePaths(document, scopes)
  if (!attributes) return new Set(readable)
  const isNamed = (path: LeafPath): boolean =>
    attributes.includes(path) || attributes.includes(path.split('.')[0] ?? path)
  return new Set(readable.filter(isNamed))
}
