import type { RosterSelection, RosterType } from '../../core/roster/run.ts'
import type { RosterCollection } from '../../core/roster/record.ts'

/** How a plan takes the source: what it works on, and for which day. */
export type PlanOptions = {
  readonly runId: string
  readonly providerId: string
  /**
   * Of which collections a record that was not read is gone: of those that were read whole, and of
   * an incremental pull.
   */
  readonly endsAbsent: ReadonlySet<RosterCollection>
  /** Collections of which what was read is laid over what is known; others are replaced by it. */
  readonly overlays: ReadonlySet<RosterCollection>
  readonly selection: RosterSelection | null
  readonly addsOnly: boolean
  readonly onCollision: 'suffix' | 'quarantine'
  /** `YYYY-MM-DD`, in the provider's time zone. */
  readonly today: string
  /** Accounts that were deactivated before are deleted; undefined: none. */
  readonly deleteBefore: Date | undefined
  readonly externalIdPrefix: string
}

/** True when a selection leaves a type in. */
export function isTypeSelected(selection: RosterSelection | null, type: RosterType): boolean {
  const types = selection?.types ?? []
  return types.length === 0 || types.includes(type)
}

/** The parameters $n of a condition of scope: schools, grades, roles; null where nothing is limited. */
export function listScopeParameters(
  selection: RosterSelection | null,
): (readonly string[] | null)[] {
  const { schools = [], grades = [], roles = [] } = selection ?? {}
  return [schools, grades, roles].map((list) => (list.length === 0 ? null : list))
}

/** Whether a `RosterUser` in this column is within the scope, its parameters from `$first` on. */
export function personScope(record: string, first: number): string {
  return `(($${first}::text[] is null or ${record} -> 'schoolIds' ?| $${first}::text[])
    and ($${first + 1}::text[] is null or ${record} -> 'grades' ?| $${first + 1}::text[])
    and ($${first + 2}::text[] is null or ${record} -> 'roles' ?| $${first + 2}::text[]))`
}

/** Whether a school or a section in these columns is within the scope; roles limit neither. */
export function groupScope(row: string, first: number): string {
  return `(($${first}::text[] is null
      or case when ${row}.collection = 'schools' then ${row}.id = any ($${first}::text[])
        else ${row}.record ->> 'schoolId' = any ($${first}::text[]) end)
    and ($${first + 1}::text[] is null or ${row}.collection = 'schools'
      or jsonb_array_length(${row}.record -> 'grades') = 0
      or ${row}.record -> 'grades' ?| $${first + 1}::text[])
    and ($${first + 2}::text[] is null or true))`
}

/** Six hexadecimal digits of an id's digest: tells records of one name apart, whoever else comes or goes. */
export function markOf(id: string): string {
  return `left(md5(${id}), 6)`
}
