import { z } from 'zod'
import { isCalendarDate } from '../calendar-date.ts'
import type { Compact } from './compacts.ts'
import { isEmailAddress } from './email-address.ts'
import { countCodePoints, hasControlCharacter, isWellFormed, wrongTypeOf } from './field-check.ts'
import { listLicenseFields, type FieldRule } from './fields.ts'
import {
  controlCharacter,
  eligibleButInactive,
  missingField,
  notAChoice,
  notADate,
  notAnEmail,
  notAString,
  nullField,
  patternMismatch,
  wrongLength,
} from './messages.ts'
import { trimWhiteSpace } from '../white-space.ts'

export type LicenseSchemaOptions = {
  /** Lets records have `compact` and `jurisdiction`, each equal to this. */
  readonly place?: { readonly compact: string; readonly jurisdiction: string }
}

/**
 * The rules of a license record as a zod schema: what documents are made from, and what the faster
 * validator is held against. Its messages are the same; unknown fields are one issue.
 */
export function createLicenseSchema(
  compact: Pick<Compact, 'licenseTypes'>,
  options: LicenseSchemaOptions = {},
): z.ZodType<Readonly<Record<string, string | undefined>>> {
  const shape: Record<string, z.ZodType<string | undefined>> = {}
  for (const { name, required, rule, example } of listLicenseFields(compact)) {
    const field = createFieldSchema(rule).meta({ examples: [example] })
    shape[name] = required ? field : field.optional()
  }
  for (const [name, value] of Object.entries(options.place ?? {})) {
    shape[name] = createFieldSchema({ kind: 'choice', choices: [value] }).optional()
  }
  return z.strictObject(shape).refine(isEligibleOnlyIfActive, {
    message: eligibleButInactive.message,
    path: ['compactEligibility'],
    // Even when a field has a fault.
    when: ({ value }) => typeof value === 'object' && value !== null,
  })
}

function createFieldSchema(rule: FieldRule): z.ZodString {
  const text = createTextSchema(rule)
  switch (rule.kind) {
    case 'pattern':
      return text.regex(rule.pattern, patternMismatch.message)
    case 'choice':
      return text
        .refine((value) => rule.choices.includes(value), notAChoice(rule.choices).message)
        .meta({ enum: rule.choices })
    case 'date':
      return text.refine(isCalendarDate, notADate.message).meta({ format: 'date' })
    case 'length':
      return createLengthSchema(text, rule)
    case 'email':
      return text
        .refine(isEmailAddress, notAnEmail.message)
        .refine((value) => isWithin(value, rule), wrongLength(rule.min, rule.max).message)
        .meta({ format: 'email', minLength: rule.min, maxLength: rule.max })
    default:
      return rule satisfies never
  }
}

function createTextSchema(rule: FieldRule): z.ZodString {
  return z
    .string({
      error: ({ input }) => {
        if (input === undefined) return missingField.message
        return input === null ? nullField.message : wrongTypeOf(rule).message
      },
    })
    .overwrite(trimWhiteSpace)
}

function createLengthSchema(
  text: z.ZodString,
  rule: Extract<FieldRule, { kind: 'length' }>,
): z.ZodString {
  const { min, max, or } = rule
  const limits = { minLength: min, maxLength: max }
  return text
    .refine(isWellFormed, { message: notAString.message, abort: true })
    .refine((value) => !hasControlCharacter(value), controlCharacter.message)
    .refine(
      (value) => isWithin(value, rule) || or?.test(value) === true,
      wrongLength(min, max).message,
    )
    .meta(or === undefined ? limits : { anyOf: [limits, { pattern: or.source }] })
}

function isWithin(text: string, limits: { readonly min: number; readonly max: number }): boolean {
  const length = countCodePoints(text)
  return length >= limits.min && length <= limits.max
}

function isEligibleOnlyIfActive(record: Readonly<Record<string, unknown>>): boolean {
  return record['compactEligibility'] !== 'eligible' || record['licenseStatus'] !== 'inactive'
}
