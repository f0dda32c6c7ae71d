import {
  boardFields,
  type BoardValues,
  type StoredLicense,
  type StoredLicenseChange,
} from './stored-license.ts'

/**
 * The licenses as they stood at an instant: those that existed, with every later change undone,
 * newest first. Marks that no upload touches stay as they are today.
 */
export function listLicensesAsOf(
  licenses: readonly StoredLicense[],
  changes: readonly StoredLicenseChange[],
  asOf: Date,
): StoredLicense[] {
  const newestFirst = changes.toSorted((a, b) => b.id - a.id)
  return licenses
    .filter((license) => license.createdAt <= asOf)
    .map((license) => {
      const own = newestFirst.filter((change) => concerns(change, license))
      return rewind(license, own, asOf)
    })
}

function rewind(
  license: StoredLicense,
  newestFirst: readonly StoredLicenseChange[],
  asOf: Date,
): StoredLicense {
  const later = newestFirst.filter((change) => change.effectiveDate > asOf)
  if (later.length === 0) return license
  const last = newestFirst.find((change) => change.effectiveDate <= asOf)
  return {
    ...license,
    board: later.reduce(undo, license.board),
    updatedAt: last?.effectiveDate ?? license.createdAt,
  }
}

function undo(board: BoardValues, change: StoredLicenseChange): BoardValues {
  const before: { -readonly [field in keyof BoardValues]: BoardValues[field] } = { ...board }
  for (const field of boardFields) {
    if (!(field in change.updatedValues) && !change.removedValues.includes(field)) continue
    const value = change.previous[field]
    if (value !== undefined) before[field] = value
    // Only optional fields can have been absent before.
    else Reflect.deleteProperty(before, field)
  }
  return before
}

function concerns(change: StoredLicenseChange, license: StoredLicense): boolean {
  return (
    change.providerId === license.providerId &&
    change.jurisdiction === license.jurisdiction &&
    change.licenseType === license.licenseType
  )
}
