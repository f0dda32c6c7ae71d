import { AppError } from '../core/errors.ts'
import type { Compact } from '../core/license/compacts.ts'
import { duplicateFault, type FieldMessages } from '../core/license/messages.ts'
import { createLicenseValidator, type LicenseRecord } from '../core/license/record.ts'

const MAX_RECORDS = 100
const NOT_AN_OBJECT = { INVALID_JSON_OBJECT: ['Must be a JSON object.'] }

/** `{field: [message]}` of one record. */
type RecordErrors = Readonly<Record<string, readonly string[]>>

export type RecordPlace = { readonly compact: Compact; readonly jurisdiction: string }

/**
 * The records of a POST, all of them valid. Throws 400 with every fault as
 * `{message, errors: {index: {field: [message]}}}` beside the problem, 413 over 100 records.
 */
export function parseLicenseRecords(body: unknown, place: RecordPlace): LicenseRecord[] {
  if (!Array.isArray(body)) throwRefused('invalid_records', 'send a JSON array of records')
  if (body.length === 0) throwRefused('no_records', 'send at least one')
  if (body.length > MAX_RECORDS) {
    throwRefused('too_many_records', `send at most ${MAX_RECORDS} at once`, { status: 413 })
  }
  const { records, errors } = judge(body, place)
  if (Object.keys(errors).length > 0) {
    throwRefused('invalid_records', 'some are invalid, see errors', { errors })
  }
  return records
}

function judge(
  items: readonly unknown[],
  { compact, jurisdiction }: RecordPlace,
): { records: LicenseRecord[]; errors: Record<string, RecordErrors> } {
  const validate = createLicenseValidator(compact, { jurisdiction })
  const firstRecords = new Map<string, number>()
  const records: LicenseRecord[] = []
  const errors: Record<string, RecordErrors> = {}
  for (const [index, item] of items.entries()) {
    if (!isObject(item)) {
      errors[index] = NOT_AN_OBJECT
      continue
    }
    const verdict = validate(item)
    const faults = verdict.ok ? {} : verdict.errors
    const key = findKey(item, faults)
    const first = key === undefined ? undefined : firstRecords.get(key)
    if (key !== undefined && first === undefined) firstRecords.set(key, index + 1)
    const repeats = first === undefined ? {} : duplicateFault(String(item['licenseType']), first)
    if (verdict.ok && first === undefined) records.push(verdict.record)
    else errors[index] = toTexts({ ...faults, ...repeats })
  }
  return { records, errors }
}

// What no two records may have in common; undefined where a part of it is at fault itself.
function findKey(
  item: Readonly<Record<string, unknown>>,
  faults: FieldMessages,
): string | undefined {
  if (faults['ssn'] || faults['licenseType']) return undefined
  return JSON.stringify([item['ssn'], item['licenseType']].map((part) => String(part).trim()))
}

function toTexts(messages: FieldMessages): RecordErrors {
  return Object.fromEntries(
    Object.entries(messages).map(([field, list]) => [field, list.map(({ message }) => message)]),
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function throwRefused(
  code: string,
  remedy: string,
  { status = 400, errors = {} }: { readonly status?: number; readonly errors?: object } = {},
): never {
  const message = `Cannot take the records: ${remedy}`
  throw new AppError(code, message, { status, details: { members: { message, errors } } })
}
