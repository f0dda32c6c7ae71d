import { defaultCompacts, findCompact, type Compact } from '../../../core/license/compacts.ts'
import type { FieldMessage, FieldMessages } from '../../../core/license/messages.ts'
import { createLicenseValidator } from '../../../core/license/record.ts'
import { fullRow } from '../../support/license-rows.ts'

type Field = keyof typeof fullRow

const aslp = findCompact(defaultCompacts, 'aslp') as Compact
const validate = createLicenseValidator(aslp)

const missing = { message: 'Missing data for required field.', code: 'missing' }
const isNull = { message: 'Field may not be null.', code: 'null' }
const notAString = { message: 'Not a valid string.', code: 'not_a_string' }
const notADate = { message: 'Not a valid date.', code: 'invalid_date' }
const notAnEmail = { message: 'Not a valid email address.', code: 'invalid_email' }
const pattern = { message: 'String does not match expected pattern.', code: 'pattern_mismatch' }
const control = { message: pattern.message, code: 'control_character' }
const unknown = { message: 'Unknown field.', code: 'unknown_field' }

const dateFields: Field[] = ['dateOfIssuance', 'dateOfRenewal', 'dateOfExpiration', 'dateOfBirth']
const from1To100: Field[] = [
  'licenseNumber',
  'licenseStatusName',
  'givenName',
  'middleName',
  'familyName',
  'suffix',
  'homeAddressStreet2',
]
const from2To100: Field[] = ['homeAddressStreet1', 'homeAddressCity', 'homeAddressState']
const lengthFields: Field[] = [...from1To100, ...from2To100, 'homeAddressPostalCode']
const choices: [Field, string][] = [
  ['licenseType', 'audiologist, speech-language pathologist'],
  ['licenseStatus', 'active, inactive'],
  ['compactEligibility', 'eligible, ineligible'],
]
const optional: Field[] = [
  'npi',
  'licenseNumber',
  'licenseStatusName',
  'middleName',
  'suffix',
  'dateOfRenewal',
  'homeAddressStreet2',
  'emailAddress',
  'phoneNumber',
]
const all = Object.keys(fullRow) as Field[]
const required = all.filter((field) => !optional.includes(field))

test('createLicenseValidator() keeps a valid row as it is', () => {
  expect(validate(fullRow)).toEqual({ ok: true, record: fullRow, warnings: {} })
})

test.each(required)('createLicenseValidator() wants %s', (field) => {
  expect(listFaults(withoutField(field))).toEqual({ [field]: [missing] })
})

test.each(optional)('createLicenseValidator() leaves out an absent %s', (field) => {
  const verdict = validate({ ...fullRow, [field]: undefined })
  expect(verdict).toEqual({ ok: true, record: withoutField(field), warnings: {} })
})

test.each(all)('createLicenseValidator() refuses null for %s', (field) => {
  expect(listFaults({ ...fullRow, [field]: null })).toEqual({ [field]: [isNull] })
})

test.each(all)('createLicenseValidator() refuses for %s what is no string', (field) => {
  const message = dateFields.includes(field) ? notADate : notAString
  for (const value of [1, 20_240_229, true, {}, ['a']]) {
    expect(listFaults({ ...fullRow, [field]: value })).toEqual({ [field]: [message] })
  }
})

test.each(all)('createLicenseValidator() trims Unicode white space off %s', (field) => {
  const value = `\u00a0\u3000\t\u0085 ${fullRow[field]}\u2028\r\n`
  expect(validate({ ...fullRow, [field]: value })).toEqual(validate(fullRow))
})

test.each(all)('createLicenseValidator() judges an empty or blank %s as a value', (field) => {
  const empty = listFaults({ ...fullRow, [field]: '' })
  expect(Object.keys(empty)).toEqual([field])
  expect(empty[field]?.map(({ code }) => code)).not.toContain('missing')
  expect(listFaults({ ...fullRow, [field]: ' \u2003' })).toEqual(empty)
})

test('createLicenseValidator() says of an empty e-mail both what its form and its length lack', () => {
  expect(listFaults({ ...fullRow, emailAddress: '' })).toEqual({
    emailAddress: [notAnEmail, length(1, 100)],
  })
})

test.each<[Field, string]>([
  ['ssn', '123456789'],
  ['ssn', '123-45-678'],
  ['ssn', '123-45-67890'],
  ['ssn', '１２３-45-6789'],
  ['ssn', '123-45-6789\n1'],
  ['npi', '123456789'],
  ['npi', '12345678931'],
  ['npi', '123456789x'],
  ['npi', '١٢٣٤٥٦٧٨٩٠'],
  ['phoneNumber', '13213214321'],
  ['phoneNumber', '+1321321'],
  ['phoneNumber', '+1234567890123456'],
  ['phoneNumber', '+1 321 321 4321'],
  ['phoneNumber', '++13213214321'],
])('createLicenseValidator() refuses %s %j by its pattern', (field, value) => {
  expect(listFaults({ ...fullRow, [field]: value })).toEqual({ [field]: [pattern] })
})

test.each<[Field, string]>([
  ['phoneNumber', '+12345678'],
  ['phoneNumber', '+123456789012345'],
  ['homeAddressPostalCode', '12345'],
  ['homeAddressPostalCode', 'K1A 0B1'],
  ['homeAddressPostalCode', '43004-1234'],
  ['dateOfBirth', '2000-02-29'],
  ['dateOfRenewal', '9999-12-31'],
  ['dateOfRenewal', '0001-01-01'],
  ['licenseType', 'speech-language pathologist'],
])('createLicenseValidator() takes %s %j', (field, value) => {
  expect(validate({ ...fullRow, [field]: value })).toMatchObject({ ok: true })
})

test.each(choices)('createLicenseValidator() names the choices of %s', (field, names) => {
  const fault = { message: `Must be one of: ${names}.`, code: 'not_a_choice' }
  for (const value of ['', 'Active', 'ELIGIBLE', 'Audiologist', 'occupational therapist', 'aud']) {
    expect(listFaults({ ...fullRow, [field]: value })).toEqual({ [field]: [fault] })
  }
})

test.each(from1To100)('createLicenseValidator() takes 1 to 100 code points as %s', (field) => {
  expect(listFaultsBySize(field, [0, 1, 100, 101])).toEqual([
    length(1, 100),
    1,
    100,
    length(1, 100),
  ])
})

test.each(from2To100)('createLicenseValidator() takes 2 to 100 code points as %s', (field) => {
  expect(listFaultsBySize(field, [1, 2, 100, 101])).toEqual([
    length(2, 100),
    2,
    100,
    length(2, 100),
  ])
})

test('createLicenseValidator() takes 5 to 7 code points as a postal code, or ZIP+4', () => {
  const sizes = listFaultsBySize('homeAddressPostalCode', [4, 5, 7, 8])
  expect(sizes).toEqual([length(5, 7), 5, 7, length(5, 7)])
  for (const value of ['43004-123', '43004-12345', '4300-12345', '43004 1234', 'ABCDE-FGHI']) {
    expect(listFaults({ ...fullRow, homeAddressPostalCode: value })).toEqual({
      homeAddressPostalCode: [length(5, 7)],
    })
  }
})

test('createLicenseValidator() takes at most 100 code points as an e-mail address', () => {
  const address = (size: number): string => `${'\u{1f600}'.repeat(size - 12)}@example.com`
  expect(listFaults({ ...fullRow, emailAddress: address(100) })).toEqual({})
  expect(listFaults({ ...fullRow, emailAddress: address(101) })).toEqual({
    emailAddress: [length(1, 100)],
  })
})

test.each(dateFields)('createLicenseValidator() takes as %s only a real YYYY-MM-DD', (field) => {
  const refused = [
    '',
    '19840715',
    '1984-W29-7',
    '1984-197',
    '1984-7-15',
    '84-07-15',
    '1984/07/15',
    '07-15-1984',
    '1984-07-15T00:00:00Z',
    '1984-00-15',
    '1984-13-15',
    '1984-07-00',
    '1984-07-32',
    '1984-06-31',
    '2023-02-29',
    '1900-02-29',
    '0000-01-01',
    '+1984-07-15',
    '１９８４-07-15',
  ]
  for (const value of refused) {
    expect(listFaults({ ...fullRow, [field]: value })).toEqual({ [field]: [notADate] })
  }
})

test.each(lengthFields)('createLicenseValidator() refuses control characters in %s', (field) => {
  for (const character of ['\n', '\r\n', '\t', '\0', '\u001b', '\u007f', '\u0085', '\u009f']) {
    const value = `12${character}345`.slice(0, 7)
    expect(listFaults({ ...fullRow, [field]: value })).toEqual({ [field]: [control] })
  }
})

test.each(all.filter((field) => !lengthFields.includes(field)))(
  'createLicenseValidator() finds no rule of %s kept by a control character',
  (field) => {
    const value = `${fullRow[field].slice(0, 4)}\u0007${fullRow[field].slice(4)}`
    expect(Object.keys(listFaults({ ...fullRow, [field]: value }))).toEqual([field])
  },
)

test.each(lengthFields)('createLicenseValidator() refuses half a character in %s', (field) => {
  expect(listFaults({ ...fullRow, [field]: '12345\ud83d' })).toEqual({ [field]: [notAString] })
})

test('createLicenseValidator() reports a control character and a length together', () => {
  expect(listFaults({ ...fullRow, givenName: `a\u0007${'b'.repeat(99)}` })).toEqual({
    givenName: [control, length(1, 100)],
  })
})

test('createLicenseValidator() refuses an eligible license that is inactive', () => {
  expect(listFaults({ ...fullRow, licenseStatus: 'inactive' })).toEqual({
    compactEligibility: [
      {
        message: 'compactEligibility cannot be eligible if licenseStatus is inactive.',
        code: 'eligible_but_inactive',
      },
    ],
  })
  const ineligible = { ...fullRow, licenseStatus: 'inactive', compactEligibility: 'ineligible' }
  expect(listFaults(ineligible)).toEqual({})
})

test('createLicenseValidator() reports every fault of a row in one pass', () => {
  const row = {
    ...withoutField('familyName'),
    ssn: '1',
    npi: null,
    licenseStatus: ' inactive ',
    dateOfBirth: '1985-02-30',
    emailAddress: '',
    note: 'x',
  }
  expect(Object.keys(listFaults(row)).toSorted()).toEqual([
    'compactEligibility',
    'dateOfBirth',
    'emailAddress',
    'familyName',
    'note',
    'npi',
    'ssn',
  ])
})

test.each(['Ssn', 'license_type', 'compact', 'jurisdiction', 'toString', '__proto__'])(
  'createLicenseValidator() refuses the unknown field %s',
  (name) => {
    const row = JSON.parse(JSON.stringify(fullRow).replace('}', `,${JSON.stringify(name)}:"x"}`))
    expect(listFaults(row as Record<string, unknown>)).toEqual({ ...named(name, [unknown]) })
  },
)

test('createLicenseValidator() takes compact and jurisdiction that repeat where a row belongs', () => {
  const validateAt = createLicenseValidator(aslp, { jurisdiction: 'oh' })
  expect(validateAt({ ...fullRow, compact: ' aslp', jurisdiction: 'oh' })).toEqual({
    ok: true,
    record: fullRow,
    warnings: {},
  })
  expect(validateAt({ ...fullRow, compact: 'octp', jurisdiction: 'OH' })).toMatchObject({
    ok: false,
    errors: {
      compact: [{ message: 'Must be one of: aslp.', code: 'not_a_choice' }],
      jurisdiction: [{ message: 'Must be one of: oh.', code: 'not_a_choice' }],
    },
  })
  expect(validateAt({ ...fullRow, compact: null, jurisdiction: 7 })).toMatchObject({
    errors: { compact: [isNull], jurisdiction: [notAString] },
  })
})

test.each<[string, Partial<Record<Field, string>>, FieldMessages | Record<string, unknown>]>([
  ['an SSN area 000', { ssn: '000-12-3456' }, coded('ssn', 'unassigned_ssn_area')],
  ['an SSN area 666', { ssn: '666-12-3456' }, coded('ssn', 'unassigned_ssn_area')],
  ['an SSN area 9xx', { ssn: '987-65-4321' }, coded('ssn', 'unassigned_ssn_area')],
  ['an NPI check digit', { npi: '1234567890' }, coded('npi', 'wrong_npi_check_digit')],
  [
    'a birth after the issuance',
    { dateOfBirth: '2010-06-07' },
    coded('dateOfBirth', 'birth_after_issuance'),
  ],
  [
    'an issuance after the expiration',
    { dateOfIssuance: '2027-04-05' },
    coded('dateOfIssuance', 'issuance_after_expiration'),
  ],
  ['a year before 1900', { dateOfBirth: '1899-12-31' }, coded('dateOfBirth', 'implausible_year')],
  [
    'a year after 2100',
    { dateOfExpiration: '2101-01-01' },
    coded('dateOfExpiration', 'implausible_year'),
  ],
])('createLicenseValidator() only warns of %s', (_, change, warnings) => {
  expect(validate({ ...fullRow, ...change })).toMatchObject({ ok: true, warnings })
})

test.each<Partial<Record<Field, string>>>([
  { npi: '1003000126' },
  { dateOfBirth: '2010-06-06' },
  { dateOfIssuance: '2027-04-04' },
  { dateOfBirth: '1900-01-01' },
  { dateOfExpiration: '2100-12-31' },
  { ssn: '001-01-0001' },
])('createLicenseValidator() does not warn of %j', (change) => {
  expect(validate({ ...fullRow, ...change })).toMatchObject({ ok: true, warnings: {} })
})

test('createLicenseValidator() keeps warnings apart from errors', () => {
  const verdict = validate({ ...fullRow, ssn: '900-12-3456', licenseType: 'x' })
  expect(Object.keys(verdict.warnings)).toEqual(['ssn'])
  expect(!verdict.ok && Object.keys(verdict.errors)).toEqual(['licenseType'])
})

function withoutField(field: Field): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fullRow).filter(([name]) => name !== field))
}

function listFaults(row: Record<string, unknown>): FieldMessages {
  const verdict = validate(row)
  return verdict.ok ? {} : verdict.errors
}

function length(min: number, max: number): FieldMessage {
  return { message: `Length must be between ${min} and ${max}.`, code: 'wrong_length' }
}

// The size where texts of any characters are good, else the one message that all of them get.
function listFaultsBySize(field: Field, sizes: readonly number[]): unknown[] {
  return sizes.map((size) => {
    const faults = ['a', '9', 'é', '\u{20000}'].map(
      (character) =>
        listFaults({ ...fullRow, [field]: character.repeat(size) })[field]?.[0] ?? size,
    )
    return new Set(faults.map((fault) => JSON.stringify(fault))).size === 1 ? faults[0] : faults
  })
}

// A field `__proto__` included.
function named(name: string, messages: readonly FieldMessage[]): FieldMessages {
  return Object.fromEntries([[name, messages]])
}

function coded(field: Field, code: string): Record<string, unknown> {
  return { [field]: [expect.objectContaining({ code })] }
}
