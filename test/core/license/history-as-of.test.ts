import { fc } from '../../support/properties.ts'
import { listLicensesAsOf } from '../../../core/license/history-as-of.ts'
import type {
  BoardValues,
  StoredLicense,
  StoredLicenseChange,
} from '../../../core/license/stored-license.ts'

const required: BoardValues = {
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  givenName: 'A',
  familyName: 'B',
  dateOfIssuance: '2010-06-06',
  dateOfExpiration: '2025-05-31',
  dateOfBirth: '1985-06-06',
  homeAddressStreet1: '1 Main Street',
  homeAddressCity: 'Columbus',
  homeAddressState: 'oh',
  homeAddressPostalCode: '43004',
}

const contents = fc.record(
  {
    familyName: fc.constantFrom('B', 'C', 'D'),
    dateOfExpiration: fc.constantFrom('2025-05-31', '2027-05-31'),
    emailAddress: fc.constantFrom('a@example.com', 'b@example.com'),
    npi: fc.constantFrom('1234567893', '1234567802'),
  },
  { requiredKeys: ['familyName', 'dateOfExpiration'] },
)

test('listLicensesAsOf() gives back every state that a license ever had', () => {
  fc.assert(
    fc.property(fc.array(contents, { minLength: 1, maxLength: 8 }), (states) => {
      const boards = states.map((state) => ({ ...required, ...state }))
      const { license, changes } = play(boards)
      boards.forEach((board, day) => {
        const [asOf] = listLicensesAsOf([license], changes, instant(day))
        expect(asOf?.board).toEqual(board)
      })
    }),
  )
})

test('listLicensesAsOf() knows when a license was removed, and came back', () => {
  const stays = fc.option(contents, { nil: undefined })
  fc.assert(
    fc.property(contents, fc.array(stays, { maxLength: 7 }), (first, states) => {
      const boards = [first, ...states].map((state) => state && { ...required, ...state })
      const { license, changes } = play(boards)
      boards.forEach((board, day) => {
        const licenses = boards.at(-1) ? [license] : []
        const asOf = listLicensesAsOf(licenses, changes, instant(day))
        expect(asOf.map((each) => each.board)).toEqual(board ? [board] : [])
      })
    }),
  )
})

test('listLicensesAsOf() leaves out a license that did not exist yet', () => {
  const { license, changes } = play([required])
  expect(listLicensesAsOf([license], changes, new Date(instant(0).getTime() - 1))).toEqual([])
})

test('listLicensesAsOf() dates a license by its last change until then', () => {
  const { license, changes } = play([
    required,
    { ...required, familyName: 'C' },
    { ...required, familyName: 'D' },
  ])
  const dates = [0, 1, 2].map(
    (day) => listLicensesAsOf([license], changes, instant(day))[0]?.updatedAt,
  )
  expect(dates).toEqual([instant(0), instant(1), instant(2)])
})

test('listLicensesAsOf() undoes only the changes of the license itself', () => {
  const { license, changes } = play([required, { ...required, familyName: 'C' }])
  const other = { ...license, jurisdiction: 'ky', board: { ...required, familyName: 'X' } }
  const [, untouched] = listLicensesAsOf([license, other], changes, instant(0))
  expect(untouched?.board.familyName).toBe('X')
})

function instant(day: number): Date {
  return new Date(Date.UTC(2020, 0, 1 + day))
}

// A license that had each of these contents, or was not there, a day each, and the changes that led there.
function play(boards: readonly (BoardValues | undefined)[]): {
  license: StoredLicense
  changes: StoredLicenseChange[]
} {
  const key = { providerId: 'p', jurisdiction: 'oh', licenseType: 'audiologist' }
  const changes = boards.slice(1).map((after, index) => ({
    ...key,
    id: index + 1,
    updateType: 'other' as const,
    ...differ(boards[index] ?? {}, after ?? {}),
    removedCreatedAt: after ? null : instant(0),
    effectiveDate: instant(index + 1),
    uploadId: 'u',
    actor: 'clerk',
  }))
  const license = {
    ...key,
    board: boards.at(-1) ?? required,
    encumbranceStatus: null,
    investigationStatus: null,
    createdAt: instant(0),
    updatedAt: instant(boards.length - 1),
  }
  return { license, changes }
}

function differ(
  before: Partial<BoardValues>,
  after: Partial<BoardValues>,
): Pick<StoredLicenseChange, 'previous' | 'updatedValues' | 'removedValues'> {
  const previous: Record<string, string> = { ...before }
  const updated = Object.entries(after).filter(([field, value]) => previous[field] !== value)
  return {
    previous,
    updatedValues: Object.fromEntries(updated),
    removedValues: Object.keys(before).filter((field) => !Object.hasOwn(after, field)),
  }
}
