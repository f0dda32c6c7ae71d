import type { Compact } from './compacts.ts'

/** How a text is judged; lengths are inclusive and count code points. */
export type FieldRule =
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'length'; readonly min: number; readonly max: number; readonly or?: RegExp }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'date' }
  | { readonly kind: 'email'; readonly min: number; readonly max: number }

export type LicenseField = {
  readonly name: LicenseFieldName
  readonly required: boolean
  readonly rule: FieldRule
  readonly example: string
}

type FieldEntry = Omit<LicenseField, 'name'>

const date = { kind: 'date' } as const
const upTo100 = { kind: 'length', min: 1, max: 100 } as const
const from2To100 = { kind: 'length', min: 2, max: 100 } as const
const postalCode = { kind: 'length', min: 5, max: 7, or: /^[0-9]{5}-[0-9]{4}$/ } as const

// The one source of the rules: validator, schema, header and documents are made from it.
const table = {
  ssn: required({ kind: 'pattern', pattern: /^[0-9]{3}-[0-9]{2}-[0-9]{4}$/ }, '123-45-6789'),
  npi: optional({ kind: 'pattern', pattern: /^[0-9]{10}$/ }, '1234567893'),
  licenseNumber: optional(upTo100, 'A-0001'),
  // Each compact has its own types.
  licenseType: required({ kind: 'choice', choices: [] }, 'audiologist'),
  licenseStatus: required({ kind: 'choice', choices: ['active', 'inactive'] }, 'active'),
  licenseStatusName: optional(upTo100, 'ACTIVE_IN_RENEWAL'),
  compactEligibility: required({ kind: 'choice', choices: ['eligible', 'ineligible'] }, 'eligible'),
  givenName: required(upTo100, 'Björk'),
  middleName: optional(upTo100, 'María'),
  familyName: required(upTo100, 'Guðmundsdóttir'),
  suffix: optional(upTo100, 'Jr.'),
  dateOfIssuance: required(date, '2010-06-06'),
  dateOfRenewal: optional(date, '2024-04-04'),
  dateOfExpiration: required(date, '2027-04-04'),
  dateOfBirth: required(date, '1985-06-06'),
  homeAddressStreet1: required(from2To100, '123 Main Street'),
  homeAddressStreet2: optional(upTo100, 'Apt. 321'),
  homeAddressCity: required(from2To100, 'Columbus'),
  homeAddressState: required(from2To100, 'oh'),
  homeAddressPostalCode: required(postalCode, '43004'),
  emailAddress: optional({ kind: 'email', min: 1, max: 100 }, 'bjork@example.com'),
  phoneNumber: optional({ kind: 'pattern', pattern: /^\+[0-9]{8,15}$/ }, '+13213214321'),
} satisfies Readonly<Record<string, FieldEntry>>

export type LicenseFieldName = keyof typeof table

/** The names of a license record's fields, in the order of the upload format. */
export const licenseFieldNames = Object.keys(table) as readonly LicenseFieldName[] // its own keys

/** The fields of a license record and their rules, with the compact's license types. */
export function listLicenseFields(compact: Pick<Compact, 'licenseTypes'>): LicenseField[] {
  const choices = compact.licenseTypes.map(({ name }) => name)
  return licenseFieldNames.map((name) => {
    const entry: FieldEntry = table[name]
    if (name !== 'licenseType') return { name, ...entry }
    return { name, ...entry, rule: { kind: 'choice', choices }, example: choices[0] ?? '' }
  })
}

/** The names of the fields that every record has. */
export function listRequiredFieldNames(): LicenseFieldName[] {
  return licenseFieldNames.filter((name) => table[name].required)
}

function required(rule: FieldRule, example: string): FieldEntry {
  return { required: true, rule, example }
}

function optional(rule: FieldRule, example: string): FieldEntry {
  return { required: false, rule, example }
}
