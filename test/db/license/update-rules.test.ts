import type { BoardValues } from '../../../core/license/stored-license.ts'
import { describeUpdate } from '../../support/license-update.ts'
import { fullRow } from '../../support/license-rows.ts'

const { ssn: _, licenseType: __, ...board } = fullRow
const stored: BoardValues = board

test.each<[string, Partial<BoardValues>]>([
  ['deactivation', { licenseStatus: 'inactive', compactEligibility: 'ineligible' }],
  ['deactivation', { licenseStatus: 'inactive', dateOfExpiration: '2029-04-04' }],
  ['renewal', { dateOfExpiration: '2027-04-05', givenName: 'Other' }],
  ['other', { dateOfExpiration: '2027-04-03' }],
  ['other', { dateOfRenewal: '2021-01-01' }],
])('describeUpdate() answers %s for %j', (updateType, change) => {
  expect(describeUpdate(stored, { ...stored, ...change })).toEqual({
    updateType,
    previous: stored,
    updatedValues: change,
    removedValues: [],
  })
})

test('describeUpdate() of an inactive license that stays inactive is no deactivation', () => {
  const inactive = { ...stored, licenseStatus: 'inactive' }
  expect(describeUpdate(inactive, { ...inactive, suffix: 'Sr.' })?.updateType).toBe('other')
})

test('describeUpdate() names the fields that are gone', () => {
  const { suffix: _suffix, npi: _npi, ...rest } = stored
  expect(describeUpdate(stored, rest)).toMatchObject({
    updatedValues: {},
    removedValues: ['npi', 'suffix'],
  })
  expect(describeUpdate(rest, stored)).toMatchObject({
    updatedValues: { npi: fullRow.npi, suffix: fullRow.suffix },
    removedValues: [],
  })
})

test('describeUpdate() of identical contents is undefined', () => {
  expect(describeUpdate(stored, { ...stored })).toBeUndefined()
})
