import { AppError } from '../errors.ts'
import { oneRosterNames } from './oneroster.ts'
import { rosterCollections, type RosterCollection } from './record.ts'
import type { Fields } from './fields.ts'
import type { RosterMode } from './source.ts'

/** A record of a OneRoster CSV file, by column. */
export type CsvRow = Readonly<Record<string, string>>

/** A role of OneRoster 1.2, which has them in a file of their own. */
export type CsvRole = { readonly role: string; readonly roleType: string; readonly orgId: string }

/** What the manifest of an archive says: whether it is all there is, and which collections are in it. */
export type CsvManifest = {
  readonly mode: RosterMode
  readonly collections: readonly RosterCollection[]
  readonly hasRoles: boolean
}

/** The file of every collection. */
export function csvFileOf(collection: RosterCollection): string {
  return `${oneRosterNames[collection]}.csv`
}

export const rolesFile = 'roles.csv'

/**
 * Reads `manifest.csv` (OneRoster 1.1 and 1.2 CSV tables). An archive with a file of changes is
 * incremental as a whole, so that nothing ends because it is missing. Throws `invalid_archive` (422).
 */
export function readCsvManifest(rows: readonly CsvRow[]): CsvManifest {
  const properties = new Map(
    rows.map(({ propertyName = '', value = '' }) => [
      propertyName.trim().toLowerCase(),
      value.trim().toLowerCase(),
    ]),
  )
  const stateOf = (name: string): string => properties.get(`file.${name.toLowerCase()}`) ?? 'absent'
  const states = new Map(
    rosterCollections.map((collection) => [collection, stateOf(oneRosterNames[collection])]),
  )
  const present = rosterCollections.filter((collection) => states.get(collection) !== 'absent')
  for (const collection of present) assertState(csvFileOf(collection), states.get(collection))
  if (present.length === 0) throwInvalid('its manifest names no file')
  const isDelta = present.some((collection) => states.get(collection) === 'delta')
  return {
    mode: isDelta ? 'incremental' : 'full',
    collections: present,
    hasRoles: stateOf('roles') !== 'absent',
  }
}

/** A row in the form in which OneRoster's API has it. */
export function toOneRosterFields(
  collection: RosterCollection,
  row: CsvRow,
  roles: readonly CsvRole[] = [],
): Fields {
  switch (collection) {
    case 'schools':
    case 'terms':
    case 'courses':
      return row
    case 'sections':
      return {
        ...row,
        school: toReference(row['schoolSourcedId']),
        course: toReference(row['courseSourcedId']),
        terms: splitCell(row['termSourcedIds']).map(toReference),
        grades: splitCell(row['grades']),
        subjects: splitCell(row['subjects']),
        periods: splitCell(row['periods']),
      }
    case 'users':
      return {
        ...row,
        grades: splitCell(row['grades']),
        orgs: splitCell(row['orgSourcedIds']).map(toReference),
        primaryOrg: toReference(row['primaryOrgSourcedId']),
        roles: roles.map(({ role, roleType, orgId }) => ({
          role,
          roleType,
          org: toReference(orgId),
        })),
      }
    case 'enrollments':
      return {
        ...row,
        user: toReference(row['userSourcedId']),
        class: toReference(row['classSourcedId']),
      }
    default:
      return collection satisfies never
  }
}

/** Throws `invalid_archive` (422) with the reason. */
export function throwInvalid(reason: string): never {
  throw new AppError('invalid_archive', `Cannot read the OneRoster CSV archive: ${reason}`, {
    status: 422,
  })
}

function assertState(file: string, state: string | undefined): void {
  if (state === 'bulk' || state === 'delta') return
  throwInvalid(`its manifest says of "${file}" neither bulk nor delta nor absent`)
}

function toReference(sourcedId: string | undefined): Fields {
  return { sourcedId: sourcedId ?? '' }
}

// A list is one cell, with commas in it.
function splitCell(cell: string | undefined): string[] {
  return (cell ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
