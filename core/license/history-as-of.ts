import {
  boardFields,
  type BoardValues,
  type StoredLicense,
  type StoredLicenseChange,
} from './stored-license.ts'

// Every license has one, so that what has none did not exist.
const SURE_FIELD = 'licenseStatus'

/**
 * The licenses as they stood at an instant: those that existed, removed since or not, with every
 * later change undone, newest first. Marks that no upload touches stay as they are today.
 */
export function listLicensesAsOf(
  licenses: readonly StoredLicense[],
  changes: readonly StoredLicenseChange[],
  asOf: Date,
): StoredLicense[] {
  const newestFirst = changes.toSorted((a, b) => b.id - a.id)
  return [...licenses, ...listRemoved(licenses, newestFirst)]
    .filter((license) => license.createdAt <= asOf)
    .map((license) => {
      const own = newestFirst.filter((change) => concerns(change, license))
      return rewind(license, own, asOf)
    })
    .filter(({ board }) => SURE_FIELD in board)
}

// What is left of a license that was removed: nothing, until its removal is undone.
function listRemoved(
  licenses: readonly StoredLicense[],
  newestFirst: readonly StoredLicenseChange[],
): StoredLicense[] {
  const removed: StoredLicense[] = []
  for (const change of newestFirst) {
    const { providerId, jurisdiction, licenseType, effectiveDate, removedCreatedAt } = change
    const isKnown = [...licenses, ...removed].some((license) => concerns(change, license))
    if (isKnown || !removedCreatedAt) continue
    removed.push({
      providerId,
      jurisdiction,
      licenseType,
      board: {} as BoardValues, // never shown like this
      encumbranceStatus: null,
      investigationStatus: null,
      createdAt: removedCreatedAt,
      updatedAt: effectiveDate,
    })
  }
  return removed
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
