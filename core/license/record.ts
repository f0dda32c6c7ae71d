import type { Compact } from './compacts.ts'
import { createFieldCheck, wrongTypeOf, type FieldCheck } from './field-check.ts'
import {
  licenseFieldNames,
  listLicenseFields,
  type FieldRule,
  type LicenseFieldName,
} from './fields.ts'
import {
  eligibleButInactive,
  missingField,
  nullField,
  unknownField,
  type FieldMessage,
  type FieldMessages,
} from './messages.ts'
import { listWarnings } from './warnings.ts'
import { trimWhiteSpace } from '../white-space.ts'

/** A valid license record: texts trimmed, absent optional fields undefined. */
export type LicenseRecord = {
  readonly ssn: string
  readonly npi?: string | undefined
  readonly licenseNumber?: string | undefined
  readonly licenseType: string
  readonly licenseStatus: 'active' | 'inactive'
  readonly licenseStatusName?: string | undefined
  readonly compactEligibility: 'eligible' | 'ineligible'
  readonly givenName: string
  readonly middleName?: string | undefined
  readonly familyName: string
  readonly suffix?: string | undefined
  readonly dateOfIssuance: string
  readonly dateOfRenewal?: string | undefined
  readonly dateOfExpiration: string
  readonly dateOfBirth: string
  readonly homeAddressStreet1: string
  readonly homeAddressStreet2?: string | undefined
  readonly homeAddressCity: string
  readonly homeAddressState: string
  readonly homeAddressPostalCode: string
  readonly emailAddress?: string | undefined
  readonly phoneNumber?: string | undefined
}

/** All faults of a row at once, by field; warnings stand apart and never make a row invalid. */
export type LicenseVerdict =
  | { readonly ok: true; readonly record: LicenseRecord; readonly warnings: FieldMessages }
  | { readonly ok: false; readonly errors: FieldMessages; readonly warnings: FieldMessages }

export type LicenseValidator = (row: Readonly<Record<string, unknown>>) => LicenseVerdict

export type LicenseValidatorOptions = {
  /** Where the rows belong: lets them have `compact` and `jurisdiction`, each equal to this. */
  readonly jurisdiction?: string
}

type Reader = {
  readonly name: string
  readonly required: boolean
  /** False for a field that only repeats where the row belongs. */
  readonly kept: boolean
  readonly check: FieldCheck
  readonly wrongType: readonly FieldMessage[]
}

type Texts = { -readonly [Field in LicenseFieldName]: string | undefined }
type MutableMessages = Record<string, readonly FieldMessage[]>

// Records of one shape take a fraction of the time of records that grow field by field.
const noTexts = Object.fromEntries(licenseFieldNames.map((name) => [name, undefined])) as Texts // every field

const isMissing = [missingField]
const isNull = [nullField]
const isUnknown = [unknownField]
const isIneligible = [eligibleButInactive]

/**
 * The validator of a compact's license records, for rows of JSON and of CSV alike: unknown fields
 * are errors, an `undefined` value is an absent field, and texts are trimmed before they are judged.
 */
export function createLicenseValidator(
  compact: Compact,
  options: LicenseValidatorOptions = {},
): LicenseValidator {
  const readers = createReaders(compact, options)
  const names = new Set(readers.map(({ name }) => name))
  return (row) => {
    const texts = { ...noTexts }
    const errors = readFields(row, texts, { readers, names })
    const warnings = listWarnings(texts)
    if (errors !== undefined) return { ok: false, errors, warnings }
    // Every required text is there and every text has passed its check.
    return { ok: true, record: texts as LicenseRecord, warnings }
  }
}

// Keeps the good texts; answers all that is wrong, undefined when nothing is.
function readFields(
  row: Readonly<Record<string, unknown>>,
  texts: Texts,
  { readers, names }: { readonly readers: readonly Reader[]; readonly names: ReadonlySet<string> },
): FieldMessages | undefined {
  let errors: MutableMessages | undefined
  for (const reader of readers) {
    const faults = readField(reader, row[reader.name], texts)
    if (faults !== undefined) (errors ??= createMessages())[reader.name] = faults
  }
  for (const name in row) {
    if (names.has(name) || row[name] === undefined) continue
    ;(errors ??= createMessages())[name] = isUnknown
  }
  if (texts.compactEligibility === 'eligible' && texts.licenseStatus === 'inactive') {
    ;(errors ??= createMessages())['compactEligibility'] = isIneligible
  }
  return errors
}

function createReaders(compact: Compact, options: LicenseValidatorOptions): Reader[] {
  const readers = listLicenseFields(compact).map(({ name, required, rule }) =>
    createReader({ name, required, rule, kept: true }),
  )
  if (options.jurisdiction === undefined) return readers
  const place = { compact: compact.abbreviation, jurisdiction: options.jurisdiction }
  for (const [name, choice] of Object.entries(place)) {
    const rule = { kind: 'choice', choices: [choice] } as const
    readers.push(createReader({ name, required: false, rule, kept: false }))
  }
  return readers
}

function createReader(
  field: Pick<Reader, 'name' | 'required' | 'kept'> & { readonly rule: FieldRule },
): Reader {
  const { name, required, rule, kept } = field
  return { name, required, kept, check: createFieldCheck(rule), wrongType: [wrongTypeOf(rule)] }
}

// Keeps a good text in `texts`; answers what is wrong with any other value.
function readField(
  reader: Reader,
  value: unknown,
  texts: Record<string, string | undefined>,
): readonly FieldMessage[] | undefined {
  if (value === undefined) return reader.required ? isMissing : undefined
  if (value === null) return isNull
  if (typeof value !== 'string') return reader.wrongType
  const text = trimWhiteSpace(value)
  const faults = reader.check(text)
  if (faults === undefined && reader.kept) texts[reader.name] = text
  return faults
}

// Without a prototype, so that a field named `__proto__` is a field.
function createMessages(): MutableMessages {
  return Object.create(null) as MutableMessages // an empty object of that type
}
