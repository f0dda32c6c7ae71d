import { fc } from '../../support/properties.ts'
import { chooseSpeaker, type Candidate } from '../../support/license-speaker.ts'

const base: Candidate = {
  jurisdiction: 'oh',
  licenseType: 'audiologist',
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  dateOfIssuance: '2010-01-01',
}

test.each<[string, Partial<Candidate>[], string | undefined]>([
  ['the newest issuance', [{}, { jurisdiction: 'ky', dateOfIssuance: '2011-01-01' }], 'ky'],
  [
    'an eligible license before a newer one',
    [{}, { jurisdiction: 'ky', dateOfIssuance: '2020-01-01', compactEligibility: 'ineligible' }],
    'oh',
  ],
  [
    'an active license before a newer one, when none is eligible',
    [
      { compactEligibility: 'ineligible' },
      {
        jurisdiction: 'ky',
        dateOfIssuance: '2020-01-01',
        compactEligibility: 'ineligible',
        licenseStatus: 'inactive',
      },
    ],
    'oh',
  ],
  ['nothing of no licenses', [], undefined],
])('chooseSpeaker() chooses %s', (_, licenses, jurisdiction) => {
  const all = licenses.map((license) => ({ ...base, ...license }))
  expect(chooseSpeaker(all)?.jurisdiction).toBe(jurisdiction)
})

test('chooseSpeaker() keeps to the home jurisdiction where it has a license', () => {
  const atHome = { ...base, licenseStatus: 'inactive', compactEligibility: 'ineligible' }
  const licenses = [{ ...base, jurisdiction: 'ky' }, atHome]
  expect(chooseSpeaker(licenses, 'oh')).toBe(atHome)
  expect(chooseSpeaker(licenses, 'al')?.jurisdiction).toBe('ky')
})

test('chooseSpeaker() does not depend on the order of the licenses', () => {
  const license = fc.record<Candidate>({
    jurisdiction: fc.constantFrom('oh', 'ky', 'al'),
    licenseType: fc.constantFrom('audiologist', 'speech-language pathologist'),
    licenseStatus: fc.constantFrom('active', 'inactive'),
    compactEligibility: fc.constantFrom('eligible', 'ineligible'),
    dateOfIssuance: fc.constantFrom('2010-01-01', '2011-01-01'),
  })
  const licenses = fc.uniqueArray(license, {
    selector: ({ jurisdiction, licenseType }) => `${jurisdiction} ${licenseType}`,
  })
  fc.assert(
    fc.property(licenses, fc.constantFrom('oh', undefined), (all, home) => {
      expect(chooseSpeaker(all.toReversed(), home)).toEqual(chooseSpeaker(all, home))
    }),
  )
})
