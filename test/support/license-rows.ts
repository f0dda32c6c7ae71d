import { fc } from './properties.ts'
import { licenseFieldNames } from '../../core/license/fields.ts'

/** A valid row with every field, ASCII only. */
export const fullRow = {
  ssn: '123-45-6789',
  npi: '1234567893',
  licenseNumber: 'A0608337260',
  licenseType: 'audiologist',
  licenseStatus: 'active',
  licenseStatusName: 'DEFINITELY_A_HUMAN',
  compactEligibility: 'eligible',
  givenName: 'Bjork',
  middleName: 'Gunnar',
  familyName: 'Gudmundsdottir',
  suffix: 'Jr.',
  dateOfIssuance: '2010-06-06',
  dateOfRenewal: '2020-04-04',
  dateOfExpiration: '2027-04-04',
  dateOfBirth: '1985-06-06',
  homeAddressStreet1: '123 A St.',
  homeAddressStreet2: 'Apt 321',
  homeAddressCity: 'Columbus',
  homeAddressState: 'oh',
  homeAddressPostalCode: '43004',
  emailAddress: 'bjork@example.com',
  phoneNumber: '+13213214321',
} as const

const pieces = [
  '',
  ' ',
  '\u00a0',
  '\u0085',
  '\ufeff',
  '\t',
  '\n',
  '\0',
  '\u009f',
  '\ud800',
  '\u{1f600}',
  'é',
  '@',
  '.',
  '-',
  '+',
  '0',
  '12345',
  'a',
  'example.com',
  'active',
  'inactive',
  'eligible',
  'ineligible',
  'audiologist',
  '2024-02-29',
  '2023-02-29',
  '0000-01-01',
  'x'.repeat(99),
  ...Object.values(fullRow),
]

// Any value that JSON can have, often one that is nearly right.
const wildValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map(join) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 110 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, 0, true, [], {}) },
)

/** Rows that are valid but for some of their fields, with unknown ones among them at times. */
export const wildRow: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    changes: fc.dictionary(
      fc.constantFrom(...licenseFieldNames, 'compact', 'jurisdiction', 'Ssn', 'note'),
      wildValue,
      { maxKeys: 5 },
    ),
    removed: fc.uniqueArray(fc.constantFrom(...licenseFieldNames), { maxLength: 3 }),
  })
  .map(({ changes, removed }) => {
    const row: Record<string, unknown> = { ...fullRow, ...changes }
    return Object.fromEntries(Object.entries(row).filter(([name]) => !isIn(removed, name)))
  })

function isIn(names: readonly string[], name: string): boolean {
  return names.includes(name)
}

function join(parts: readonly string[]): string {
  return parts.join('')
}
