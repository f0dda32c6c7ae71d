import { dayIn, viewLicense, viewProvider } from '../../../core/license/provider-view.ts'
import type {
  BoardValues,
  StoredLicense,
  StoredPrivilege,
  StoredProvider,
} from '../../../core/license/stored-license.ts'

const board: BoardValues = {
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  givenName: 'Björk',
  familyName: 'Guðmundsdóttir',
  dateOfIssuance: '2010-06-06',
  dateOfExpiration: '2025-05-31',
  dateOfBirth: '1985-06-06',
  homeAddressStreet1: '123 Main Street',
  homeAddressCity: 'Columbus',
  homeAddressState: 'oh',
  homeAddressPostalCode: '43004',
}

const license: StoredLicense = {
  providerId: 'p',
  jurisdiction: 'oh',
  licenseType: 'audiologist',
  board,
  encumbranceStatus: null,
  investigationStatus: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
}

const provider: StoredProvider = {
  providerId: 'p',
  compact: 'aslp',
  licenseJurisdiction: 'oh',
  licenseType: 'audiologist',
  homeJurisdiction: null,
  ssnLastFour: '6789',
  updatedAt: new Date(1),
}

const privilege: StoredPrivilege = {
  providerId: 'p',
  privilegeId: 'AUD-KY-1',
  jurisdiction: 'ky',
  licenseJurisdiction: 'oh',
  licenseType: 'audiologist',
  dateOfIssuance: new Date(0),
  dateOfRenewal: null,
  dateOfExpiration: '2025-05-31',
  encumbranceStatus: null,
  licenseDeactivatedAt: null,
}

const before = (): string => '2025-05-30'
const after = (): string => '2025-06-01'

test.each([
  { title: 'is active on the day of its expiration', today: '2025-05-31', expected: 'active' },
  { title: 'is inactive from the day after', today: '2025-06-01', expected: 'inactive' },
  {
    title: 'is inactive when uploaded so',
    change: { licenseStatus: 'inactive' },
    today: '2025-01-01',
    expected: 'inactive',
  },
])('a license $title, and eligible only while active', ({ change, today, expected }) => {
  const view = viewLicense({ ...license, board: { ...board, ...change } }, () => today)
  expect(view.licenseStatus).toBe(expected)
  expect(view.compactEligibility).toBe(expected === 'active' ? 'eligible' : 'ineligible')
})

test('a license is not eligible unless uploaded so', () => {
  const ineligible = { ...license, board: { ...board, compactEligibility: 'ineligible' } }
  expect(viewLicense(ineligible, before)).toMatchObject({
    licenseStatus: 'active',
    compactEligibility: 'ineligible',
  })
})

test('an encumbered license is inactive, and one that was lifted is not', () => {
  const statuses = ['encumbered', 'unencumbered', null].map(
    (encumbranceStatus) => viewLicense({ ...license, encumbranceStatus }, before).licenseStatus,
  )
  expect(statuses).toEqual(['inactive', 'active', 'active'])
})

test('a license keeps what was uploaded beside the status of the moment', () => {
  expect(viewLicense(license, after)).toMatchObject({
    licenseStatus: 'inactive',
    jurisdictionUploadedLicenseStatus: 'active',
    jurisdictionUploadedCompactEligibility: 'eligible',
  })
})

test.each([
  ['Etc/GMT+4', '2025-06-01T03:59:59Z', '2025-05-31'],
  ['Etc/GMT+4', '2025-06-01T04:00:00Z', '2025-06-01'],
  ['Pacific/Honolulu', '2025-06-01T09:59:59Z', '2025-05-31'],
])('dayIn() in %s at %s is %s', (timeZone, instant, day) => {
  expect(dayIn(timeZone, new Date(instant))).toBe(day)
})

test('a provider speaks with the name of the license that the summary names', () => {
  const other = { ...license, jurisdiction: 'ky', board: { ...board, familyName: 'Other' } }
  const view = viewProvider({ provider, licenses: [other, license], privileges: [] }, before)
  expect(view).toMatchObject({ familyName: 'Guðmundsdóttir', licenseJurisdiction: 'oh' })
  expect(view?.licenses).toHaveLength(2)
})

test('a provider without the license that speaks for it cannot be viewed', () => {
  expect(viewProvider({ provider, licenses: [], privileges: [] }, before)).toBeUndefined()
})

test.each([
  [null, 'eligible'],
  ['oh', 'eligible'],
  ['ky', 'ineligible'],
])('a provider whose home is %s is %s with a license of oh', (homeJurisdiction, expected) => {
  const parts = { provider: { ...provider, homeJurisdiction }, licenses: [license], privileges: [] }
  expect(viewProvider(parts, before)?.compactEligibility).toBe(expected)
})

test.each([
  ['active while granted and not expired', {}, 'active'],
  ['inactive once its license was deactivated', { licenseDeactivatedAt: new Date(0) }, 'inactive'],
  ['inactive once encumbered', { encumbranceStatus: 'encumbered' }, 'inactive'],
  ['inactive once expired', { dateOfExpiration: '2025-05-29' }, 'inactive'],
])('a privilege is %s', (_, change, status) => {
  const parts = { provider, licenses: [license], privileges: [{ ...privilege, ...change }] }
  expect(viewProvider(parts, before)?.privileges[0]?.status).toBe(status)
})
