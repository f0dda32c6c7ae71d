import type { LeafPath } from '../profile/attributes.ts'
import { isSameJson } from '../profile/change.ts'
import { contentOf, findAttribute, type Profile, type PublisherName } from '../profile/document.ts'
import type { AttributeContent } from '../profile/null-profile.ts'
import { mayCreate, mayUpdate } from '../profile/rules.ts'
import type { SourceContents } from './source.ts'

/** What a run would do to a person. */
export type PlannedChange = {
  readonly condition: 'create' | 'update' | 'deactivate'
  readonly contents: SourceContents
}

export type PlanRequest = {
  readonly contents: SourceContents
  /** The person as the vault has them; undefined where it knows nobody. */
  readonly stored: Profile | undefined
  readonly publisher: PublisherName
  /** Of somebody who is not active, who said so. */
  readonly inactiveBy?: PublisherName | null | undefined
}

/** What a leaver is sent. */
export const leaving: PlannedChange = { condition: 'deactivate', contents: { active: false } }

// Who says who comes and goes, beside cis (spec of the publisher rules: `active`).
const PULLERS: ReadonlySet<PublisherName> = new Set(['ldap', 'hris', 'access_provider'])
// It says of everybody whether they are. Others only have an entry, which often outlasts the person.
const KNOWS_BEST: PublisherName = 'hris'

/**
 * Of what a source says, the attributes that differ from the vault and that its publisher may set or
 * change by the publisher rules; undefined when there are none. Of somebody whom another publisher has
 * said to be gone an entry that is still there says nothing, but for HR's.
 */
export function planChange({
  contents,
  stored,
  publisher,
  inactiveBy,
}: PlanRequest): PlannedChange | undefined {
  const wanted = Object.entries(contents).filter(([path, content]) =>
    isWanted({ path, content, stored, publisher, inactiveBy }),
  )
  if (wanted.length === 0) return undefined
  return { condition: stored ? 'update' : 'create', contents: Object.fromEntries(wanted) }
}

type Candidate = Omit<PlanRequest, 'contents'> & {
  readonly path: LeafPath
  readonly content: AttributeContent
}

function isWanted({ path, content, stored, publisher, inactiveBy }: Candidate): boolean {
  if (content === null || content === '') return false
  const attribute = stored && findAttribute(stored, path)
  const before = attribute === undefined ? null : contentOf(attribute)
  if (before === null) return !isEmpty(content) && mayCreate({ path, publisher })
  if (isSameJson(before, content)) return false
  if (path !== 'active') return mayUpdate({ path, publisher })
  return PULLERS.has(publisher) && (content === false || mayTakeBack(publisher, inactiveBy))
}

function mayTakeBack(publisher: PublisherName, inactiveBy: PlanRequest['inactiveBy']): boolean {
  return publisher === KNOWS_BEST || publisher === (inactiveBy ?? publisher)
}

function isEmpty(content: AttributeContent): boolean {
  return typeof content === 'object' && content !== null && Object.keys(content).length === 0
}
