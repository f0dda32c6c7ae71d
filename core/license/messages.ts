/** What is to be said of a field: a sentence for people and a code that never changes. */
export type FieldMessage = {
  readonly message: string
  readonly code: string
}

/** Messages by field; `_row` stands for the row as a whole. Never a cell's value. */
export type FieldMessages = Readonly<Record<string, readonly FieldMessage[]>>

/** The key under which faults of a whole row stand. */
export const rowField = '_row'

export const missingField: FieldMessage = {
  message: 'Missing data for required field.',
  code: 'missing',
}
export const nullField: FieldMessage = { message: 'Field may not be null.', code: 'null' }
export const notAString: FieldMessage = { message: 'Not a valid string.', code: 'not_a_string' }
export const notADate: FieldMessage = { message: 'Not a valid date.', code: 'invalid_date' }
export const notAnEmail: FieldMessage = {
  message: 'Not a valid email address.',
  code: 'invalid_email',
}
export const unknownField: FieldMessage = { message: 'Unknown field.', code: 'unknown_field' }
export const patternMismatch: FieldMessage = {
  message: 'String does not match expected pattern.',
  code: 'pattern_mismatch',
}
/** The same sentence as for a pattern: no text may hold such a character. */
export const controlCharacter: FieldMessage = {
  message: patternMismatch.message,
  code: 'control_character',
}
export const eligibleButInactive: FieldMessage = {
  message: 'compactEligibility cannot be eligible if licenseStatus is inactive.',
  code: 'eligible_but_inactive',
}

/** Names every choice, in the order of the configuration. */
export function notAChoice(choices: readonly string[]): FieldMessage {
  return { message: `Must be one of: ${choices.join(', ')}.`, code: 'not_a_choice' }
}

/** Limits are inclusive and count code points. */
export function wrongLength(min: number, max: number): FieldMessage {
  return { message: `Length must be between ${min} and ${max}.`, code: 'wrong_length' }
}

/** Fault of a later record whose SSN and license type an earlier valid record has. */
export function duplicateFault(licenseType: string, firstRecord: number): FieldMessages {
  return {
    ssn: [
      {
        message:
          `Duplicate License SSN detected for license type ${licenseType}. ` +
          `SSN matches with record ${firstRecord}. ` +
          'Every record must have a unique combination of SSN and license type.',
        code: 'duplicate_ssn',
      },
    ],
  }
}
