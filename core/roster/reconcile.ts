import { holdsField, listDifferences, personFields, type PersonField } from './person-diff.ts'
import type { ScimPerson, TargetPerson } from './target.ts'

/** An account that Registrar applied; `id` is the caller's. */
export type AppliedPerson = {
  readonly id: string
  readonly scimId: string
  readonly person: ScimPerson
  /** Absent: entitlements are not compared. */
  readonly entitlements?: readonly string[]
}

/**
 * Where a target is otherwise than what was applied: an account is gone, differs in `fields`, is not
 * active although it should be, or is one of ours that was not applied.
 */
export type Drift = {
  /** The caller's; of an unexpected account, the target's. */
  readonly id: string
  readonly kind: 'missing' | 'differs' | 'inactive' | 'unexpected'
  readonly fields: readonly string[]
}

export type PageComparison = {
  readonly people: readonly TargetPerson[]
  /** What was applied to accounts of this page; others are not looked at. */
  readonly applied: readonly AppliedPerson[]
  /** What the target keeps at all, of `learnKeptFields`. */
  readonly kept: ReadonlySet<PersonField>
  /** How the externalIds of this provider begin, such as `clever:`. */
  readonly ownPrefix: string
}

/** The fields that somebody of this page has, with those known before: a target may drop the others. */
export function learnKeptFields(
  kept: ReadonlySet<PersonField>,
  people: readonly TargetPerson[],
): ReadonlySet<PersonField> {
  if (kept.size === personFields.length) return kept
  const seen = personFields.filter((field) =>
    people.some(({ person }) => holdsField(person, field)),
  )
  return new Set([...kept, ...seen])
}

/**
 * Compares one page of a target with what was applied to its accounts, in the page's order. Neither
 * the case of user names and e-mails, nor a field that the target never keeps, is a difference. Only
 * accounts with an externalId of ours are unexpected.
 */
export function comparePage({ people, applied, kept, ownPrefix }: PageComparison): Drift[] {
  const byScimId = new Map(applied.map((one) => [one.scimId, one]))
  return people.flatMap((account): Drift[] => {
    const wanted = byScimId.get(account.scimId)
    if (wanted) return compareAccount(account, wanted, kept)
    if (!account.active || account.externalId?.startsWith(ownPrefix) !== true) return []
    return [{ id: account.scimId, kind: 'unexpected', fields: [] }]
  })
}

/** Who of the applied was on no page; those who are not active may be gone. */
export function listMissing(
  applied: Iterable<AppliedPerson>,
  seenScimIds: { readonly has: (scimId: string) => boolean },
): Drift[] {
  return [...applied]
    .filter(({ scimId, person }) => person.active && !seenScimIds.has(scimId))
    .map(({ id }) => ({ id, kind: 'missing', fields: [] }))
}

function compareAccount(
  account: TargetPerson,
  { id, person, entitlements }: AppliedPerson,
  kept: ReadonlySet<PersonField>,
): Drift[] {
  const differing = listDifferences(account.person, person, { caseless: true })
  const fields: string[] = differing.filter((field) => kept.has(field))
  if (entitlements && !isSameSet(entitlements, account.entitlements)) fields.push('entitlements')
  if (fields.length === 0) return []
  const isInactive = person.active && !account.active
  return [{ id, kind: isInactive ? 'inactive' : 'differs', fields }]
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  const [one, other] = [new Set(some), new Set(others)]
  return one.size === other.size && [...one].every((value) => other.has(value))
}
