import type { FieldFault } from '../errors.ts'

// PostgreSQL keeps neither NUL nor half of a character (RFC 8259 §8.2).
const UNSTORABLE = /[\0\p{Surrogate}]/u

const TEXT = 'Must hold no NUL and no half of a character'
const NUMBER = 'Must be finite and, if it is an integer, within ±(2^53 − 1)'

/** A fault for each text, name and number of a JSON value that cannot be kept as it was sent; quotes none. */
export function listUnstorable(value: unknown, pointer = ''): FieldFault[] {
  if (typeof value === 'string') return UNSTORABLE.test(value) ? [createFault(pointer, TEXT)] : []
  if (typeof value === 'number') return isKept(value) ? [] : [createFault(pointer, NUMBER)]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => {
    if (UNSTORABLE.test(name)) return [createFault(pointer, TEXT)]
    return listUnstorable(member, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  })
}

// RFC 7493 §2.2: of a larger one others read something else than was signed.
function isKept(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

function createFault(pointer: string, detail: string): FieldFault {
  return { pointer, code: 'invalid_format', detail }
}
