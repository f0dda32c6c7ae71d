import {
  boardFields,
  type BoardField,
  type BoardValues,
  type UpdateType,
} from '../../core/license/stored-license.ts'

/** What a history row has to say of a change of the board-owned fields. */
export type LicenseUpdate = {
  readonly updateType: UpdateType
  readonly previous: BoardValues
  /** New values of the fields that were set or changed. */
  readonly updatedValues: Partial<BoardValues>
  /** Names of the fields that are no longer there, in alphabetical order. */
  readonly removedValues: readonly BoardField[]
}

/** The change from one content of a license to the next; undefined when they are identical. */
export function describeUpdate(
  previous: BoardValues,
  next: BoardValues,
): LicenseUpdate | undefined {
  const updated = boardFields.filter(
    (field) => next[field] !== undefined && next[field] !== previous[field],
  )
  const removedValues = boardFields
    .filter((field) => previous[field] !== undefined && next[field] === undefined)
    .toSorted()
  if (updated.length + removedValues.length === 0) return undefined
  return {
    updateType: classifyUpdate(previous, next),
    previous,
    updatedValues: Object.fromEntries(updated.map((field) => [field, next[field]])),
    removedValues,
  }
}

// A deactivation beats a renewal, that is an expiration moved later; all else is `other`.
function classifyUpdate(previous: BoardValues, next: BoardValues): Exclude<UpdateType, 'rollback'> {
  if (previous.licenseStatus === 'active' && next.licenseStatus === 'inactive') {
    return 'deactivation'
  }
  return next.dateOfExpiration > previous.dateOfExpiration ? 'renewal' : 'other'
}
