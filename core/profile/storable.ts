import type { FieldFault } from '../errors.ts'

// PostgreSQL keeps neither NUL nor half of a character (RFC 8259 §8.2).
const UNSTORABLE = /[\0\p{Surrogate}]/u

/** A fault for each text and name of a JSON value that cannot be stored; quotes none of them. */
export function listUnstorable(value: unknown, pointer = ''): FieldFault[] {
  if (typeof value === 'string') return UNSTORABLE.test(value) ? [createFault(pointer)] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => {
    if (UNSTORABLE.test(name)) return [createFault(pointer)]
    return listUnstorable(member, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  })
}

function createFault(pointer: string): FieldFault {
  return { pointer, code: 'invalid_format', detail: 'Must hold no NUL and no half of a character' }
}
