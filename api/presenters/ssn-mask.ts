const DIGIT = /\p{Nd}/gu
const SHOWN_DIGITS = 4
// 123-45-6789 with any separators, the last part a digit short or long, or nine digits in a row.
// A longer run of digits is a telephone number or an NPI, 12345-6789 a postal code.
const SEPARATOR = String.raw`[\s.,/_\p{Pd}]`
const SSN_LIKE = new RegExp(
  String.raw`(?<!\p{Nd})(?:\p{Nd}{3}${SEPARATOR}{1,3}\p{Nd}{2}${SEPARATOR}{0,3}\p{Nd}{3,5}|\p{Nd}{9})(?!\p{Nd})`,
  'gu',
)

/**
 * A cell as it may be shown: of the column `ssn` nothing but the last four digits, however they are
 * written; elsewhere the same for whatever looks like an SSN, since columns get shifted.
 */
export function maskCell(column: string, value: string): string {
  return column === 'ssn' ? maskDigits(value) : value.replaceAll(SSN_LIKE, maskDigits)
}

function maskDigits(text: string): string {
  const digits = text.match(DIGIT)?.length ?? 0
  // With few digits the last four would be nearly all there is.
  const shown = digits > SHOWN_DIGITS ? SHOWN_DIGITS : 0
  let left = digits
  return text.replaceAll(DIGIT, (digit) => {
    left -= 1
    return left < shown ? digit : '*'
  })
}
