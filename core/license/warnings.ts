import type { LicenseFieldName } from './fields.ts'
import type { FieldMessage, FieldMessages } from './messages.ts'

type Texts = { readonly [Field in LicenseFieldName]: string | undefined }

const dateFields = [
  'dateOfIssuance',
  'dateOfRenewal',
  'dateOfExpiration',
  'dateOfBirth',
] as const satisfies readonly LicenseFieldName[]

const firstPlausibleYear = '1900'
const lastPlausibleYear = '2100'

const implausibleYear: FieldMessage = {
  message: `Year is not between ${firstPlausibleYear} and ${lastPlausibleYear}.`,
  code: 'implausible_year',
}
const bornAfterIssuance: FieldMessage = {
  message: 'dateOfBirth is after dateOfIssuance.',
  code: 'birth_after_issuance',
}
const issuedAfterExpiration: FieldMessage = {
  message: 'dateOfIssuance is after dateOfExpiration.',
  code: 'issuance_after_expiration',
}
const unassignedSsnArea: FieldMessage = {
  message: 'SSN starts with a number that is never assigned.',
  code: 'unassigned_ssn_area',
}
const wrongNpiCheckDigit: FieldMessage = {
  message: 'NPI check digit does not match.',
  code: 'wrong_npi_check_digit',
}

const none: FieldMessages = Object.freeze({})

/** What looks wrong in texts that have passed their own checks; it never makes a record invalid. */
export function listWarnings(texts: Texts): FieldMessages {
  let warnings: Record<string, FieldMessage[]> | undefined
  const add = (field: LicenseFieldName, message: FieldMessage): void => {
    warnings ??= {}
    warnings[field] = [...(warnings[field] ?? []), message]
  }
  if (texts.ssn !== undefined && isUnassignedArea(texts.ssn)) add('ssn', unassignedSsnArea)
  if (texts.npi !== undefined && !hasNpiCheckDigit(texts.npi)) add('npi', wrongNpiCheckDigit)
  for (const field of dateFields) {
    const date = texts[field]
    if (date !== undefined && !isPlausibleYear(date)) add(field, implausibleYear)
  }
  const { dateOfBirth, dateOfIssuance, dateOfExpiration } = texts
  if (isAfter(dateOfBirth, dateOfIssuance)) add('dateOfBirth', bornAfterIssuance)
  if (isAfter(dateOfIssuance, dateOfExpiration)) add('dateOfIssuance', issuedAfterExpiration)
  return warnings ?? none
}

// True when the last of ten digits is the Luhn check digit of the others under the prefix 80840.
function hasNpiCheckDigit(npi: string): boolean {
  // 24 is what the prefix adds to the sum.
  let sum = 24
  for (let index = 0; index < npi.length; index += 1) {
    const digit = npi.charCodeAt(index) - 0x30
    const weighted = index % 2 === 0 ? digit * 2 : digit
    sum += weighted > 9 ? weighted - 9 : weighted
  }
  return sum % 10 === 0
}

function isUnassignedArea(ssn: string): boolean {
  return ssn.startsWith('9') || ssn.startsWith('000') || ssn.startsWith('666')
}

// Dates of one length in one order of parts compare as texts.
function isPlausibleYear(date: string): boolean {
  return date >= firstPlausibleYear && date.slice(0, 4) <= lastPlausibleYear
}

function isAfter(date: string | undefined, other: string | undefined): boolean {
  return date !== undefined && other !== undefined && date > other
}
